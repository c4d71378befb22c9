// Which screen the address asks for. Two addresses need no router library.
import { useSyncExternalStore } from "react";
import { type RoomName, roomOfPath, roomPath } from "../call/room-name";

const listeners = new Set<() => void>();

/** The room of `/r/<room>`, or null for the start page. */
export function useRoom(): RoomName | null {
  return useSyncExternalStore(subscribe, () => roomOfPath(location.pathname));
}

export function goToRoom(room: RoomName): void {
  go(roomPath(room));
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
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}
