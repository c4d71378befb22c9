// What a call can be, as the screens see it. Knows nothing of the network or of React.

export type DeviceKind = "microphone" | "camera";

/** Why a device gives no picture or sound; each cause has its own text and its own advice. */
export type BlockedCause =
  | "insecure"
  | "unsupported"
  | "denied"
  | "dismissed"
  | "system"
  | "policy"
  | "missing"
  | "busy"
  | "unplugged"
  | "unknown";

export type Device =
  | { readonly state: "off" }
  | { readonly state: "starting" }
  | { readonly state: "on" }
  | { readonly state: "blocked"; readonly cause: BlockedCause };

export interface DeviceChoice {
  readonly id: string;
  /** Empty where the browser keeps the name back. */
  readonly label: string;
}

export type ChoiceKind = DeviceKind | "speaker";

export interface Devices {
  readonly microphone: Device;
  readonly camera: Device;
  /** Empty until the browser shows its devices, which it does once one of them was allowed. */
  readonly choices: Readonly<Record<ChoiceKind, readonly DeviceChoice[]>>;
  /** The chosen device's id; nothing means the browser's default. */
  readonly chosen: Readonly<Partial<Record<ChoiceKind, string>>>;
}

/** A picture that can be shown; its id changes when it must be attached anew. */
export interface Video {
  readonly trackId: string;
  /** The server sends none of it for now, because the line carries no more: what is shown stands still. */
  readonly isPaused: boolean;
}

/**
 * Whether what comes from somebody is encrypted end to end: in a meeting with a key it is, or it is open, or
 * it cannot be read with our key. Without a key it is none of this, or cannot be read.
 */
export type Protection = "none" | "encrypted" | "open" | "unreadable";

export interface Participant {
  readonly identity: string;
  readonly name: string;
  readonly isLocal: boolean;
  readonly isSpeaking: boolean;
  /** They say that their camera shows sign language. */
  readonly isSigning: boolean;
  readonly isMicrophoneOn: boolean;
  /** The people they sit in one room with; empty for nobody. */
  readonly neighbours: string;
  /** Whether they may change what is said about them, their neighbours too. */
  readonly mayDescribeMyself: boolean;
  readonly camera: Video | null;
  readonly screen: Video | null;
  readonly protection: Protection;
}

export type VideoSource = "camera" | "screen";

export interface ChatMessage {
  readonly id: string;
  readonly from: string;
  readonly isMine: boolean;
  readonly text: string;
  /** Milliseconds since 1970, by the clock of this device: senders' clocks differ. */
  readonly receivedAt: number;
}

export interface Chat {
  readonly isOpen: boolean;
  readonly unread: number;
  readonly messages: readonly ChatMessage[];
}

/** Something a screen reader says aloud. */
export interface Announcement {
  readonly id: number;
  readonly what: "joined" | "left" | "shareStarted" | "shareStopped" | "message";
  readonly name: string;
}

export type Trouble = "share-failed" | "chat-failed" | "neighbours-failed";

export type EndReason =
  | "left"
  | "removed"
  | "elsewhere"
  | "over"
  | "shutdown"
  | "lost"
  | "refused"
  | "tokenNeeded"
  | "keyDamaged"
  | "encryptionUnsupported"
  | "busy"
  | "unreachable";

export interface Meeting {
  readonly phase: "meeting";
  readonly devices: Devices;
  readonly link: "up" | "reconnecting";
  readonly participants: readonly Participant[];
  readonly chat: Chat;
  readonly isSoundBlocked: boolean;
  readonly announcements: readonly Announcement[];
  readonly trouble: Trouble | null;
}

export type CallState =
  | { readonly phase: "green-room"; readonly devices: Devices }
  | { readonly phase: "connecting"; readonly devices: Devices }
  | Meeting
  | { readonly phase: "ended"; readonly devices: Devices; readonly reason: EndReason };

export type CallAction =
  | { readonly type: "device-changed"; readonly kind: DeviceKind; readonly device: Device }
  | { readonly type: "choices-found"; readonly choices: Devices["choices"] }
  | { readonly type: "device-chosen"; readonly kind: ChoiceKind; readonly id: string }
  | { readonly type: "join-started" }
  | { readonly type: "join-cancelled" }
  | { readonly type: "joined"; readonly participants: readonly Participant[] }
  | { readonly type: "participants-changed"; readonly participants: readonly Participant[] }
  | { readonly type: "link-changed"; readonly link: Meeting["link"] }
  | { readonly type: "message-arrived"; readonly message: ChatMessage }
  | { readonly type: "chat-toggled"; readonly isOpen: boolean }
  | { readonly type: "sound-changed"; readonly isBlocked: boolean }
  | { readonly type: "trouble-changed"; readonly trouble: Trouble | null }
  | { readonly type: "ended"; readonly reason: EndReason };

const OFF: Device = { state: "off" };

export const INITIAL_DEVICES: Devices = {
  microphone: OFF,
  camera: OFF,
  choices: { microphone: [], camera: [], speaker: [] },
  chosen: {},
};

export const INITIAL_STATE: CallState = { phase: "green-room", devices: INITIAL_DEVICES };
