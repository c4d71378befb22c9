import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { CallContext } from "../../app/use-call";
import { Call } from "../../call/call";
import type { MeetingKey } from "../../call/meeting-key";
import type { RoomName } from "../../call/room-name";
import type { CallAction, Participant } from "../../call/state";
import { MeetingScreen } from "./meeting-screen";

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", WideBox);
});

test("everybody has a tile with their name, and who is muted is said in words", () => {
  show(person("me", { isLocal: true }), person("Anna", { isMicrophoneOn: true }));
  const [mine, annas] = screen.getAllByRole("figure");
  expect(mine?.textContent).toContain("me (you)");
  expect(within(mine as HTMLElement).getByLabelText("Microphone off")).toBeTruthy();
  expect(within(annas as HTMLElement).queryByLabelText("Microphone off")).toBeNull();
  expect(screen.getByTestId("people-count").textContent).toBe("2 people");
});

test("a speaking person is marked by more than a colour", () => {
  show(person("me", { isLocal: true }), person("Anna", { isSpeaking: true }));
  expect(screen.getByLabelText("speaking")).toBeTruthy();
});

test("a picture that the line is too narrow for says so in words", () => {
  const camera = { trackId: "c", isPaused: true };
  show(person("me", { isLocal: true }), person("Anna", { camera }), person("Bela", { camera: null }));
  expect(screen.getAllByText("Paused: slow connection")).toHaveLength(1);
});

test("a shared screen takes the stage", () => {
  show(person("me", { isLocal: true }), person("Anna", { screen: { trackId: "s", isPaused: false } }));
  const stage = screen.getByRole("region", { name: "Shared screen" });
  expect(stage.querySelector("figure")?.dataset).toMatchObject({ participant: "Anna", source: "screen" });
});

test("the focus goes into the chat and back to its button", async () => {
  show(person("me", { isLocal: true }));
  await userEvent.click(screen.getByTestId("chat-button"));
  expect(document.activeElement).toBe(screen.getByTestId("chat-input"));
  await userEvent.keyboard("{Escape}");
  expect(document.activeElement).toBe(screen.getByTestId("chat-button"));
});

test("unread messages are counted on the button and in its words", () => {
  const dispatch = show(person("me", { isLocal: true }));
  dispatch({
    type: "message-arrived",
    message: { id: "1", from: "Anna", isMine: false, text: "Hello", receivedAt: 0 },
  });
  expect(screen.getByLabelText("Open chat, 1 unread")).toBeTruthy();
  expect(screen.getByTestId("announcer").textContent).toBe("New message from Anna.");
});

test("a message is shown as text, whatever it contains", async () => {
  const dispatch = show(person("me", { isLocal: true }));
  dispatch({ type: "chat-toggled", isOpen: true });
  const text = "<img src=x onerror=alert(1)>";
  dispatch({
    type: "message-arrived",
    message: { id: "1", from: "Anna", isMine: false, text, receivedAt: 0 },
  });
  const log = screen.getByRole("log");
  expect(log.textContent).toContain(text);
  expect(log.querySelector("img")).toBeNull();
});

test("a broken connection and a held-back sound are told", () => {
  const dispatch = show(person("me", { isLocal: true }));
  dispatch({ type: "link-changed", link: "reconnecting" });
  dispatch({ type: "sound-changed", isBlocked: true });
  expect(screen.getAllByRole("alert")).toHaveLength(2);
  expect(screen.getByTestId("allow-sound")).toBeTruthy();
});

test("without a key nothing is said of encryption, unless the others have one", () => {
  show(person("me", { isLocal: true }), person("Anna", { protection: "unreadable" }));
  expect(screen.queryByTestId("encryption")).toBeNull();
  expect(screen.getByTestId("key-missing").textContent).toContain("your link lacks the key");
});

test("the lock holds while everybody is encrypted, and names whoever is not", () => {
  const mine = person("me", { isLocal: true, protection: "encrypted" });
  const anna = person("Anna", { protection: "encrypted" });
  const dispatch = showEncrypted(mine, anna);
  expect(screen.getByTestId("encryption").dataset["state"]).toBe("on");
  expect(screen.queryAllByRole("alert")).toHaveLength(0);
  const others = [{ ...anna, protection: "unreadable" as const }, person("Ben", { protection: "open" })];
  dispatch({ type: "participants-changed", participants: [mine, ...others] });
  expect(screen.getByTestId("encryption").dataset["state"]).toBe("broken");
  expect(screen.getByTestId("other-key").textContent).toContain("Different key: Anna.");
  expect(screen.getByTestId("unencrypted").textContent).toContain("Not encrypted: Ben.");
});

test("more people than fit go to further pages", async () => {
  const crowd = Array.from({ length: 30 }, (_, index) => person(`p${index}`, { isLocal: index === 0 }));
  show(...crowd);
  expect(screen.getAllByRole("figure")).toHaveLength(25);
  await userEvent.click(screen.getByLabelText("Next page"));
  expect(screen.getAllByRole("figure")).toHaveLength(5);
});

function show(...participants: readonly Participant[]): (action: CallAction) => void {
  return showCall(null, participants);
}

function showEncrypted(...participants: readonly Participant[]): (action: CallAction) => void {
  return showCall("a key of many letters" as MeetingKey, participants);
}

function showCall(key: MeetingKey | null, participants: readonly Participant[]) {
  const call = new Call("bauamt" as RoomName, { kind: "guest", identity: "me" }, key);
  call.store.dispatch({ type: "join-started" });
  call.store.dispatch({ type: "joined", participants });
  render(
    <CallContext value={call}>
      <MeetingScreen />
    </CallContext>,
  );
  return (action: CallAction) => act(() => call.store.dispatch(action));
}

function person(name: string, more: Partial<Participant> = {}): Participant {
  return {
    identity: name,
    name,
    isLocal: false,
    isSpeaking: false,
    isSigning: false,
    isMicrophoneOn: false,
    neighbours: "",
    mayDescribeMyself: true,
    camera: null,
    screen: null,
    protection: "none",
    ...more,
  };
}

/** Simulated pages have no layout: every box is as wide as a large screen. */
class WideBox {
  readonly #tell: ResizeObserverCallback;

  constructor(tell: ResizeObserverCallback) {
    this.#tell = tell;
  }

  observe(): void {
    const entry = { contentRect: { width: 1600, height: 900 } } as ResizeObserverEntry;
    this.#tell([entry], this as unknown as ResizeObserver);
  }

  disconnect(): void {}
}
