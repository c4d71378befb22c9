// Which screen the address asks for. Two addresses need no router library.
import { useSyncExternalStore } from "react";
import { keyInFragment, type MeetingKey, meetingPath } from "../call/meeting-key";
import { type RoomName, roomOfPath } from "../call/room-name";

const listeners = new Set<() => void>();

/** The room of `/r/<room>`, or null for the start page. */
export function useRoom(): RoomName | null {
  return useSyncExternalStore(subscribe, () => roomOfPath(location.pathname));
}

/** The key of `#key=…`; another one in the same room is another meeting. */
export function useMeetingKey(): MeetingKey | null {
  return useSyncExternalStore(subscribe, () => keyInFragment(location.hash));
}

export function goToRoom(room: RoomName, key: MeetingKey | null): void {
  go(meetingPath(room, key));
}

export function goHome(): void {
  go("/");
}

function go(path: string): void {
  history.pushState(null, "", path);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  addEventListener("hashchange", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
    removeEventListener("hashchange", listener);
  };
}
