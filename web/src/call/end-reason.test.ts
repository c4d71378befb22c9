import { ConnectionError, DisconnectReason } from "livekit-client";
import { expect, test } from "vitest";
import { endReason, refusal } from "./end-reason";
import type { EndReason } from "./state";

test.each<[DisconnectReason | undefined, EndReason]>([
  [DisconnectReason.CLIENT_INITIATED, "left"],
  [DisconnectReason.DUPLICATE_IDENTITY, "elsewhere"],
  [DisconnectReason.PARTICIPANT_REMOVED, "removed"],
  [DisconnectReason.ROOM_DELETED, "over"],
  [DisconnectReason.ROOM_CLOSED, "over"],
  [DisconnectReason.SERVER_SHUTDOWN, "shutdown"],
  [DisconnectReason.STATE_MISMATCH, "lost"],
  [undefined, "lost"],
])("the wire's reason %s is told as %s", (reason, told) => {
  expect(endReason(reason)).toBe(told);
});

test("a refused token is told as refused, everything else as unreachable", () => {
  expect(refusal(ConnectionError.notAllowed("expired", 401))).toBe("refused");
  expect(refusal(ConnectionError.serverUnreachable("no answer"))).toBe("unreachable");
  expect(refusal(new Error("could not establish pc connection"))).toBe("unreachable");
});

test("a server that takes no new meetings is told as busy", () => {
  const answered = (status: number) => ConnectionError.internal("no websocket", { status, statusText: "" });
  expect(refusal(answered(503))).toBe("busy");
  expect(refusal(answered(500))).toBe("unreachable");
});
