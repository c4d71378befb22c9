import type { Room, TextStreamHandler } from "livekit-client";
import { expect, test } from "vitest";
import { MESSAGE_LENGTH_MAX, receiveChat } from "./chat";
import type { ChatMessage } from "./state";

test("a message tells who wrote it, by name where the room knows one", async () => {
  expect(await receive(["Good ", "morning"])).toMatchObject([
    { id: "anna/1", from: "Anna Schmidt", text: "Good morning" },
  ]);
});

test("an endless message is cut off and read no further", async () => {
  let sent = 0;
  const [message] = await receive(endless(() => (sent += 1)));
  expect(message?.text).toHaveLength(MESSAGE_LENGTH_MAX);
  expect(sent).toBeLessThan(100);
});

test("a message that breaks off, or is empty, is not shown", async () => {
  expect(await receive(breaking())).toEqual([]);
  expect(await receive(["  "])).toEqual([]);
});

function* endless(count: () => void): Generator<string> {
  for (;;) {
    count();
    yield "x".repeat(1000);
  }
}

function* breaking(): Generator<string> {
  yield "Good ";
  throw new Error("the sender is gone");
}

/** What is shown after Anna sent these pieces as one message. */
async function receive(pieces: Iterable<string>): Promise<readonly ChatMessage[]> {
  const shown: ChatMessage[] = [];
  let handler: TextStreamHandler | undefined;
  const room = {
    remoteParticipants: new Map([["anna", { name: "Anna Schmidt" }]]),
    registerTextStreamHandler: (_topic: string, handle: TextStreamHandler) => {
      handler = handle;
    },
  };
  receiveChat(room as unknown as Room, (message) => shown.push(message));
  const reader = {
    info: { id: "1" },
    async *[Symbol.asyncIterator]() {
      yield* pieces;
    },
  };
  await handler?.(reader as unknown as Parameters<TextStreamHandler>[0], { identity: "anna" });
  return shown;
}
