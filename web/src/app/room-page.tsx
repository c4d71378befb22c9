// One room: holds its call and shows the screen of the phase the call is in.
import { useEffect, useState } from "react";
import { nameInToken } from "../call/admission";
import { Call } from "../call/call";
import type { MeetingKey } from "../call/meeting-key";
import type { RoomName } from "../call/room-name";
import { Connecting } from "../features/connecting/connecting";
import { Ended } from "../features/ended/ended";
import { GreenRoom } from "../features/green-room/green-room";
import { MeetingScreen } from "../features/meeting/meeting-screen";
import { useText } from "../i18n/use-text";
import { entryTo } from "./session";
import { CallContext, useCallState } from "./use-call";

interface RoomPageProps {
  readonly room: RoomName;
  readonly meetingKey: MeetingKey | null;
}

export function RoomPage({ room, meetingKey }: RoomPageProps) {
  const [entry] = useState(() => entryTo(room));
  const [call] = useState(() => new Call(room, entry, meetingKey));
  useEffect(() => call.open(), [call]);
  return (
    <CallContext value={call}>
      <Phase room={room} givenName={entry.kind === "token" ? nameInToken(entry.token) : null} />
    </CallContext>
  );
}

function Phase({ room, givenName }: { room: RoomName; givenName: string | null }) {
  const t = useText();
  const phase = useCallState((state) => state.phase);
  useEffect(() => {
    document.title = `${room} · ${t("app.name")}`;
    return () => {
      document.title = t("app.name");
    };
  }, [room, t]);
  switch (phase) {
    case "green-room":
      return <GreenRoom givenName={givenName} />;
    case "connecting":
      return <Connecting />;
    case "meeting":
      return <MeetingScreen />;
    case "ended":
      return <Ended />;
  }
}
