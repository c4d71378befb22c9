// Where the token of a call comes from: the link, or the endpoint that only a server in trial mode has.
import type { RoomName } from "./room-name";

/** How somebody comes to a room: by a personal link, or as a guest of a trial server. */
export type Entry =
  | { readonly kind: "token"; readonly token: string }
  /** The identity stays the same while the tab is open, so that coming back leaves no ghost behind. */
  | { readonly kind: "guest"; readonly identity: string };

export type Admission =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "none"; readonly reason: "tokenNeeded" | "refused" | "unreachable" };

export async function admission(entry: Entry, room: RoomName, name: string): Promise<Admission> {
  return entry.kind === "token" ? entry : askForToken(room, name, entry.identity);
}

/** Asks the trial endpoint; a server in earnest answers 404, because there a person needs a link. */
async function askForToken(room: RoomName, name: string, identity: string): Promise<Admission> {
  try {
    const response = await fetch("/api/v1/dev/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room, name, identity }),
    });
    if (response.status === 404 || response.status === 405) return { kind: "none", reason: "tokenNeeded" };
    if (response.status >= 500) return { kind: "none", reason: "unreachable" };
    const token = response.ok ? tokenIn(await response.json()) : null;
    return token === null ? { kind: "none", reason: "refused" } : { kind: "token", token };
  } catch {
    return { kind: "none", reason: "unreachable" };
  }
}

/** The token of `#token=…`. */
export function tokenInFragment(fragment: string): string | null {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("token");
}

/** The name that a token gives its bearer, to be shown before joining; the server alone checks the token. */
export function nameInToken(token: string): string | null {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return textIn(claims, "name") ?? textIn(claims, "sub");
  } catch {
    return null;
  }
}

function tokenIn(answer: unknown): string | null {
  return textIn(answer, "token");
}

function textIn(object: unknown, key: string): string | null {
  if (typeof object !== "object" || object === null || !(key in object)) return null;
  const value = (object as Readonly<Record<string, unknown>>)[key];
  return typeof value === "string" && value !== "" ? value : null;
}
