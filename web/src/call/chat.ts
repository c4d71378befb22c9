// Chat as other LiveKit clients write and read it: a text stream of a well-known topic.
import type { Room } from "livekit-client";
import { displayName } from "./people";
import type { ChatMessage } from "./state";

const TOPIC = "lk.chat";
/** One message of a person; longer texts belong into a document. */
export const MESSAGE_LENGTH_MAX = 4000;
/** What is read from others, in bytes: four per character, so that no valid message is refused. */
const MESSAGE_BYTES_MAX = 4 * MESSAGE_LENGTH_MAX;

export function receiveChat(room: Room, receive: (message: ChatMessage) => void): void {
  room.registerTextStreamHandler(TOPIC, async (reader, { identity }) => {
    const text = await readLimited(reader).catch(() => "");
    if (text === "") return;
    const from = displayName(room.remoteParticipants.get(identity), identity);
    // The sender chooses the stream's id, so it is only unique together with the sender.
    receive({ id: `${identity}/${reader.info.id}`, from, isMine: false, text, receivedAt: Date.now() });
  });
}

export async function sendChat(room: Room, text: string): Promise<ChatMessage> {
  const { id } = await room.localParticipant.sendText(text, { topic: TOPIC });
  const { identity } = room.localParticipant;
  const from = displayName(room.localParticipant, identity);
  return { id: `${identity}/${id}`, from, isMine: true, text, receivedAt: Date.now() };
}

async function readLimited(chunks: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) {
    text += chunk;
    if (text.length > MESSAGE_BYTES_MAX) return text.slice(0, MESSAGE_LENGTH_MAX);
  }
  return text.trim().slice(0, MESSAGE_LENGTH_MAX);
}
