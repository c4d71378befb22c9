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
