// What this tab remembers until it is closed: the person's name and the token of their link.
import { tokenInFragment } from "../call/admission";
import type { RoomName } from "../call/room-name";

const NAME_KEY = "saal.name";

export function rememberedName(): string {
  return read(NAME_KEY) ?? "";
}

export function rememberName(name: string): void {
  write(NAME_KEY, name);
}

/** Takes the token out of the address, so that a copied address gives nobody this person's place. */
export function takeToken(room: RoomName): string | null {
  const key = `saal.token/${room}`;
  const fresh = tokenInFragment(location.hash);
  if (fresh === null) return read(key);
  history.replaceState(null, "", location.pathname);
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
