// Turns the reasons of the wire, and of a failed attempt, into those that have a screen.
import { ConnectionError, ConnectionErrorReason, DisconnectReason } from "livekit-client";
import type { EndReason } from "./state";

/** Why a join failed. */
export function refusal(error: unknown): EndReason {
  if (!(error instanceof ConnectionError)) return "unreachable";
  if (error.reason === ConnectionErrorReason.NotAllowed) return "refused";
  const isBusy = error.reason === ConnectionErrorReason.InternalError && isUnavailable(error.context);
  return isBusy ? "busy" : "unreachable";
}

/** Whether the server answered that it takes nobody now (HTTP status 503). */
function isUnavailable(context: unknown): boolean {
  return typeof context === "object" && context !== null && "status" in context && context.status === 503;
}

/** Why a meeting ended that had begun. */
export function endReason(reason: DisconnectReason | undefined): EndReason {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return "left";
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "elsewhere";
    case DisconnectReason.PARTICIPANT_REMOVED:
      return "removed";
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return "over";
    case DisconnectReason.SERVER_SHUTDOWN:
      return "shutdown";
    default:
      return "lost";
  }
}
