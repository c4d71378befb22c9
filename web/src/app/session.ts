// What this tab remembers until it is closed: the person's name and the token of their link.
import { type Entry, tokenInFragment } from "../call/admission";
import { keyFragment, keyInFragment } from "../call/meeting-key";
import { type RoomName, randomLetters } from "../call/room-name";

const NAME_KEY = "saal.name";
const IDENTITY_KEY = "saal.identity";

export function rememberedName(): string {
  return read(NAME_KEY) ?? "";
}

export function rememberName(name: string): void {
  write(NAME_KEY, name);
}

/** By the token of the person's link if there is one, else as a guest who is the same until the tab is closed. */
export function entryTo(room: RoomName): Entry {
  const token = takeToken(room);
  if (token !== null) return { kind: "token", token };
  const identity = read(IDENTITY_KEY) ?? `guest-${randomLetters()}`;
  write(IDENTITY_KEY, identity);
  return { kind: "guest", identity };
}

/**
 * Takes the token out of the address, so that a copied address gives nobody this person's place. The key of
 * an encrypted meeting stays: the others need it as well.
 */
function takeToken(room: RoomName): string | null {
  const key = `saal.token/${room}`;
  const fresh = tokenInFragment(location.hash);
  if (fresh === null) return read(key);
  history.replaceState(null, "", location.pathname + keyFragment(keyInFragment(location.hash)));
  write(key, fresh);
  return fresh;
}

function read(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // A browser that stores nothing asks for the name again after a reload.
  }
}
