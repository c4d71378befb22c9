// Finds out why the browser gave no device. Browsers name causes differently: their messages are read here only.
import type { BlockedCause } from "./state";

/** Safari, Chrome and Edge on macOS and Windows say so in the message when the system is in the way. */
const SYSTEM_WORDS = /system/i;
const POLICY_WORDS = /permissions? policy|feature policy|enterprise|administrator/i;
const DISMISSED_WORDS = /dismiss/i;

/** Before asking: without encryption browsers have no devices at all. */
export function cannotAsk(): BlockedCause | null {
  if (!window.isSecureContext) return "insecure";
  return navigator.mediaDevices?.getUserMedia === undefined ? "unsupported" : null;
}

export function blockedCause(error: unknown): BlockedCause {
  if (!(error instanceof Error)) return "unknown";
  switch (error.name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
    case "SecurityError":
      return refusedCause(error.message);
    case "NotFoundError":
    case "DevicesNotFoundError":
      return "missing";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return SYSTEM_WORDS.test(error.message) ? "system" : "busy";
    case "OverconstrainedError":
      return "unplugged";
    default:
      return "unknown";
  }
}

function refusedCause(message: string): BlockedCause {
  if (POLICY_WORDS.test(message)) return "policy";
  if (SYSTEM_WORDS.test(message)) return "system";
  return DISMISSED_WORDS.test(message) ? "dismissed" : "denied";
}
