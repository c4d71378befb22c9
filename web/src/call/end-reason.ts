// Turns the reasons of the wire, and of a failed attempt, into those that have a screen.
import { ConnectionError, ConnectionErrorReason, DisconnectReason } from "livekit-client";
import type { EndReason } from "./state";

/** Why a join failed. */
export function refusal(error: unknown): EndReason {
  if (!(error instanceof ConnectionError)) return "unreachable";
  return error.reason === ConnectionErrorReason.NotAllowed ? "refused" : "unreachable";
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
