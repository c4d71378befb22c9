// What may name a room, and how an unguessable name is made. Knows nothing of addresses but `/r/<room>`.

declare const parsed: unique symbol;
export type RoomName = string & { readonly [parsed]: true };

/** The server's limit as well: a name is shown in a heading and is part of a link. */
const ROOM_NAME_LENGTH_MAX = 64;
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";
/** 26 letters of 32 are 130 bits: nobody guesses a room. */
const RANDOM_NAME_LENGTH = 26;

/** Takes a name as typed, or a link to a room. */
export function parseRoomName(text: string): RoomName | null {
  const name = nameInLink(text.trim()) ?? text.trim();
  const isAllowed = name.length > 0 && name.length <= ROOM_NAME_LENGTH_MAX && !hasControlCharacter(name);
  return isAllowed ? (name as RoomName) : null;
}

export function randomRoomName(): RoomName {
  return randomLetters() as RoomName;
}

/** Letters and digits that nobody guesses, and nobody misreads on paper. */
export function randomLetters(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_NAME_LENGTH));
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join("");
}

export function roomPath(room: RoomName): string {
  return `/r/${encodeURIComponent(room)}`;
}

export function roomOfPath(path: string): RoomName | null {
  const encoded = /^\/r\/([^/]+)\/?$/.exec(path)?.[1];
  if (encoded === undefined) return null;
  try {
    return parseRoomName(decodeURIComponent(encoded));
  } catch {
    return null; // A broken percent sequence names no room.
  }
}

function nameInLink(text: string): string | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  return roomOfPath(new URL(text).pathname);
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
