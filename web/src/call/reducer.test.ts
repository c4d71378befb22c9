import { expect, test } from "vitest";
import { ANNOUNCED_PEOPLE_MAX, MESSAGES_MAX, reduce } from "./reducer";
import { type CallAction, type CallState, INITIAL_STATE, type Meeting, type Participant } from "./state";

test("joining leads from the green room over connecting into the meeting", () => {
  expect(after({ type: "join-started" }).phase).toBe("connecting");
  expect(after({ type: "join-started" }, joined(person("me"))).phase).toBe("meeting");
});

test("a cancelled join leads back to the green room with the devices as they were", () => {
  const state = after(cameraOn, { type: "join-started" }, { type: "join-cancelled" });
  expect(state).toMatchObject({ phase: "green-room", devices: { camera: { state: "on" } } });
});

test("an answer that comes after cancelling joins nothing", () => {
  expect(after({ type: "join-started" }, { type: "join-cancelled" }, joined(person("me"))).phase).toBe(
    "green-room",
  );
});

test("losing the link starts reconnecting, and the people stay on the screen", () => {
  const state = meeting(joined(person("me"), person("anna")), { type: "link-changed", link: "reconnecting" });
  expect(state.link).toBe("reconnecting");
  expect(state.participants).toHaveLength(2);
});

test("a removed person sees why, and can join again", () => {
  const removed = after({ type: "join-started" }, joined(person("me")), { type: "ended", reason: "removed" });
  expect(removed).toMatchObject({ phase: "ended", reason: "removed" });
  expect(reduce(removed, { type: "join-started" }).phase).toBe("connecting");
});

test("events of a meeting that is over change nothing", () => {
  const ended = after({ type: "ended", reason: "left" });
  expect(reduce(ended, { type: "participants-changed", participants: [person("me")] })).toBe(ended);
  expect(reduce(ended, message("1"))).toBe(ended);
});

test("who joins, leaves, and shares is announced", () => {
  const state = meeting(
    joined(person("me")),
    people(person("me"), person("anna")),
    people(person("me"), { ...person("anna"), screen: { trackId: "s", isPaused: false } }),
    people(person("me"), person("anna")),
    people(person("me")),
  );
  expect(state.announcements.map(({ what, name }) => `${name} ${what}`)).toEqual([
    "anna joined",
    "anna shareStarted",
    "anna shareStopped",
    "anna left",
  ]);
});

test("people who were there first are not announced", () => {
  expect(meeting(joined(person("me"), person("anna"))).announcements).toEqual([]);
});

test("in a large meeting coming and going is not announced", () => {
  const crowd = Array.from({ length: ANNOUNCED_PEOPLE_MAX }, (_, index) => person(`p${index}`));
  const state = meeting(joined(...crowd), people(...crowd, person("late")));
  expect(state.announcements).toEqual([]);
});

test("a person who did not change stays the same object, so their tile is not drawn again", () => {
  const before = meeting(joined(person("me"), person("anna")));
  const now = reduce(before, people(person("me"), { ...person("anna"), isSpeaking: true })) as Meeting;
  expect(now.participants[0]).toBe(before.participants[0]);
  expect(now.participants[1]).toMatchObject({ isSpeaking: true });
});

test("messages count as unread until the chat is opened", () => {
  const closed = meeting(joined(person("me")), message("1"), message("2"));
  expect(closed.chat.unread).toBe(2);
  expect(closed.announcements).toHaveLength(2);
  const open = reduce(closed, { type: "chat-toggled", isOpen: true }) as Meeting;
  expect(open.chat).toMatchObject({ unread: 0, isOpen: true });
  expect((reduce(open, message("3")) as Meeting).chat.unread).toBe(0);
});

test("one's own message is never unread", () => {
  expect(meeting(joined(person("me")), message("1", true)).chat.unread).toBe(0);
});

test("a message that arrives twice is shown once", () => {
  expect(meeting(joined(person("me")), message("1"), message("1")).chat.messages).toHaveLength(1);
});

test("of a very long chat the oldest messages go first", () => {
  const messages = Array.from({ length: MESSAGES_MAX + 2 }, (_, index) => message(`${index}`));
  const { chat } = meeting(joined(person("me")), ...messages);
  expect(chat.messages).toHaveLength(MESSAGES_MAX);
  expect(chat.messages[0]?.id).toBe("2");
});

const cameraOn: CallAction = { type: "device-changed", kind: "camera", device: { state: "on" } };

function after(...actions: readonly CallAction[]): CallState {
  return actions.reduce(reduce, INITIAL_STATE);
}

function meeting(...actions: readonly CallAction[]): Meeting {
  const state = after({ type: "join-started" }, ...actions);
  if (state.phase !== "meeting") throw new Error(`in phase ${state.phase}`);
  return state;
}

function person(name: string): Participant {
  return {
    identity: name,
    name,
    isLocal: name === "me",
    isSpeaking: false,
    isSigning: false,
    isMicrophoneOn: false,
    neighbours: "",
    mayDescribeMyself: true,
    camera: null,
    screen: null,
    protection: "none",
  };
}

function joined(...participants: readonly Participant[]): CallAction {
  return { type: "joined", participants };
}

function people(...participants: readonly Participant[]): CallAction {
  return { type: "participants-changed", participants };
}

function message(id: string, isMine = false): CallAction {
  return { type: "message-arrived", message: { id, from: "anna", isMine, text: "Hello", receivedAt: 0 } };
}
