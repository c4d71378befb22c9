// The key of an end-to-end encrypted meeting. It stands in the fragment of the link, which browsers never send.
import { type RoomName, randomLetters, roomPath } from "./room-name";

declare const secret: unique symbol;
export type MeetingKey = string & { readonly [secret]: true };

/** What is shorter was cut off when the link was copied, or can be guessed. Ours have 26 letters of 32. */
const KEY_LENGTH_MIN = 16;
const KEY_LENGTH_MAX = 256;

export function randomKey(): MeetingKey {
  return randomLetters() as MeetingKey;
}

/**
 * The key of `#key=…`, however damaged: a link that meant to be encrypted must not lead into a meeting that
 * is not. Null without one.
 */
export function keyInFragment(fragment: string): MeetingKey | null {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("key") as MeetingKey | null;
}

/** The key in a link as somebody pastes it. */
export function keyInLink(text: string): MeetingKey | null {
  const link = text.trim();
  return /^https?:\/\//i.test(link) && URL.canParse(link) ? keyInFragment(new URL(link).hash) : null;
}

export function isWhole(key: MeetingKey): boolean {
  return key.length >= KEY_LENGTH_MIN && key.length <= KEY_LENGTH_MAX;
}

/** The path that invites others, with the key if the meeting has one. */
export function meetingPath(room: RoomName, key: MeetingKey | null): string {
  return roomPath(room) + keyFragment(key);
}

export function keyFragment(key: MeetingKey | null): string {
  return key === null ? "" : `#${new URLSearchParams({ key })}`;
}
