// How components reach the call: they read a part of its state and act through it.
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Call } from "../call/call";
import type { CallState, Meeting } from "../call/state";

export const CallContext = createContext<Call | null>(null);

/** The call itself, to act. */
export function useCall(): Call {
  const call = useContext(CallContext);
  if (call === null) throw new Error("only screens inside CallContext use the call");
  return call;
}

/** A part of the state; the selector returns what is already there, never a new object. */
export function useCallState<Part>(select: (state: CallState) => Part): Part {
  const { store } = useCall();
  return useSyncExternalStore(store.subscribe, () => select(store.read()));
}

/** The same for what is only there while a meeting is. */
export function useMeeting<Part>(select: (meeting: Meeting) => Part): Part {
  return useCallState((state) => {
    if (state.phase !== "meeting") throw new Error("only the meeting screen reads the meeting");
    return select(state);
  });
}
