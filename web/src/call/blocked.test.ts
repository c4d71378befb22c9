import { expect, test } from "vitest";
import { blockedCause } from "./blocked";
import type { BlockedCause } from "./state";

test.each<[name: string, message: string, cause: BlockedCause]>([
  ["NotAllowedError", "Permission denied", "denied"],
  ["NotAllowedError", "Permission dismissed", "dismissed"],
  ["NotAllowedError", "Permission denied by system", "system"],
  ["NotAllowedError", "Permissions policy violation: camera access has been blocked", "policy"],
  ["NotFoundError", "Requested device not found", "missing"],
  ["NotReadableError", "Could not start video source", "busy"],
  ["NotReadableError", "Failed due to a system setting", "system"],
  ["AbortError", "Starting videoinput failed", "busy"],
  ["OverconstrainedError", "", "unplugged"],
  ["TypeError", "what", "unknown"],
])("%s with %j is told as %s", (name, message, cause) => {
  expect(blockedCause(new DOMException(message, name))).toBe(cause);
});
