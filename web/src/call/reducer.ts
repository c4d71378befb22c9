// How a call goes from one state to the next: a pure function, so that every story can be told in a test.
import type {
  Announcement,
  CallAction,
  CallState,
  Chat,
  ChatMessage,
  Devices,
  Meeting,
  Participant,
  Video,
} from "./state";

/** A long meeting's chat on a weak phone; the oldest message goes first. */
export const MESSAGES_MAX = 500;
/** A screen reader reads each once; a few stay so that several in one moment are all read. */
const ANNOUNCEMENTS_MAX = 6;
/** Above this many people, joining and leaving is no longer read aloud: it would drown the meeting. */
export const ANNOUNCED_PEOPLE_MAX = 12;

export function reduce(state: CallState, action: CallAction): CallState {
  switch (action.type) {
    case "device-changed":
      return withDevices(state, { ...state.devices, [action.kind]: action.device });
    case "choices-found":
      return withDevices(state, { ...state.devices, choices: action.choices });
    case "device-chosen":
      return withDevices(state, {
        ...state.devices,
        chosen: { ...state.devices.chosen, [action.kind]: action.id },
      });
    case "join-started":
      return state.phase === "meeting" ? state : { phase: "connecting", devices: state.devices };
    case "join-cancelled":
      return state.phase === "connecting" ? { phase: "green-room", devices: state.devices } : state;
    case "joined":
      return state.phase === "connecting" ? newMeeting(state.devices, action.participants) : state;
    case "ended":
      return { phase: "ended", devices: state.devices, reason: action.reason };
    case "participants-changed":
    case "link-changed":
    case "message-arrived":
    case "chat-toggled":
    case "sound-changed":
    case "trouble-changed":
      return state.phase === "meeting" ? reduceMeeting(state, action) : state;
  }
}

type MeetingAction = Extract<
  CallAction,
  {
    type:
      | "participants-changed"
      | "link-changed"
      | "message-arrived"
      | "chat-toggled"
      | "sound-changed"
      | "trouble-changed";
  }
>;

function reduceMeeting(meeting: Meeting, action: MeetingAction): Meeting {
  switch (action.type) {
    case "participants-changed":
      return withParticipants(meeting, action.participants);
    case "link-changed":
      return meeting.link === action.link ? meeting : { ...meeting, link: action.link };
    case "message-arrived":
      return withMessage(meeting, action.message);
    case "chat-toggled":
      return {
        ...meeting,
        chat: { ...meeting.chat, isOpen: action.isOpen, unread: 0 },
        trouble: meeting.trouble === "chat-failed" ? null : meeting.trouble,
      };
    case "sound-changed":
      return { ...meeting, isSoundBlocked: action.isBlocked };
    case "trouble-changed":
      return { ...meeting, trouble: action.trouble };
  }
}

function newMeeting(devices: Devices, participants: readonly Participant[]): Meeting {
  return {
    phase: "meeting",
    devices,
    link: "up",
    participants,
    chat: { isOpen: false, unread: 0, messages: [] },
    isSoundBlocked: false,
    announcements: [],
    trouble: null,
  };
}

function withDevices(state: CallState, devices: Devices): CallState {
  return { ...state, devices };
}

function withParticipants(meeting: Meeting, next: readonly Participant[]): Meeting {
  const before = new Map(meeting.participants.map((participant) => [participant.identity, participant]));
  // Whoever did not change stays the same object, so that only changed tiles are drawn.
  const participants = next.map((participant) => {
    const known = before.get(participant.identity);
    return known !== undefined && isSame(known, participant) ? known : participant;
  });
  const said = changesToAnnounce(meeting.participants, participants);
  return { ...meeting, participants, announcements: announce(meeting.announcements, said) };
}

type Said = Omit<Announcement, "id">;

function changesToAnnounce(before: readonly Participant[], after: readonly Participant[]): readonly Said[] {
  const said: Said[] = [];
  const isSmall = Math.max(before.length, after.length) <= ANNOUNCED_PEOPLE_MAX;
  const old = new Map(before.map((participant) => [participant.identity, participant]));
  const now = new Set(after.map((participant) => participant.identity));
  for (const participant of after) {
    const known = old.get(participant.identity);
    const { name } = participant;
    if (known === undefined && isSmall) said.push({ what: "joined", name });
    if (participant.isLocal) continue;
    if (participant.screen !== null && (known?.screen ?? null) === null)
      said.push({ what: "shareStarted", name });
    if (participant.screen === null && (known?.screen ?? null) !== null)
      said.push({ what: "shareStopped", name });
  }
  for (const participant of before) {
    if (!now.has(participant.identity) && isSmall) said.push({ what: "left", name: participant.name });
  }
  return said;
}

function announce(announcements: readonly Announcement[], said: readonly Said[]): readonly Announcement[] {
  if (said.length === 0) return announcements;
  const lastId = announcements.at(-1)?.id ?? 0;
  const added = said.map((one, index) => ({ ...one, id: lastId + index + 1 }));
  return [...announcements, ...added].slice(-ANNOUNCEMENTS_MAX);
}

function withMessage(meeting: Meeting, message: ChatMessage): Meeting {
  const { chat } = meeting;
  if (chat.messages.some((known) => known.id === message.id)) return meeting;
  const isUnread = !chat.isOpen && !message.isMine;
  const next: Chat = {
    isOpen: chat.isOpen,
    unread: isUnread ? chat.unread + 1 : chat.unread,
    messages: [...chat.messages, message].slice(-MESSAGES_MAX),
  };
  // An open chat panel is a live log of its own: saying it twice would be noise.
  const said: readonly Said[] = isUnread ? [{ what: "message", name: message.from }] : [];
  return { ...meeting, chat: next, announcements: announce(meeting.announcements, said), trouble: null };
}

function isSame(a: Participant, b: Participant): boolean {
  return (
    a.name === b.name &&
    a.isLocal === b.isLocal &&
    a.isSpeaking === b.isSpeaking &&
    a.isMicrophoneOn === b.isMicrophoneOn &&
    a.neighbours === b.neighbours &&
    a.mayDescribeMyself === b.mayDescribeMyself &&
    isSameVideo(a.camera, b.camera) &&
    isSameVideo(a.screen, b.screen) &&
    a.protection === b.protection
  );
}

function isSameVideo(a: Video | null, b: Video | null): boolean {
  return a?.trackId === b?.trackId && a?.isPaused === b?.isPaused;
}
