// What a story needs of a browser, so that Chromium and Firefox can play the same part.

export interface Page {
  open(url: string): Promise<void>;
  /** Runs a function inside the page; it sees nothing of the story but its argument. */
  evaluate<Result, Argument>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  /** Closes the tab as a crash does: the page gets no chance to say goodbye. */
  close(): Promise<void>;
}

export interface Browser {
  /** The process that the others of this browser descend from. */
  readonly pid: number;
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

export const VIEWPORT = { width: 1280, height: 800 } as const;

/** Where a browser runs when not beside its story: behind a network of its own. */
export interface Place {
  /** The path of a program that runs the given one there, with the arguments it gets. */
  wrap(program: string): string;
  /** The pages there. Browsers give cameras to pages without TLS only if told that these are safe. */
  readonly origin: URL;
  /** Makes a TCP port on the loopback of that place reachable under the same number here, and gives it. */
  debuggingPort(): Promise<number>;
}
