// The page: which screen, and what to show when a screen fails.
import { Component, type ReactNode } from "react";
import { Start } from "../features/start/start";
import { useText } from "../i18n/use-text";
import { Card } from "../ui/card";
import { RoomPage } from "./room-page";
import { useMeetingKey, useRoom } from "./route";

export function App() {
  const room = useRoom();
  const meetingKey = useMeetingKey();
  return (
    <Guard>
      {room === null ? (
        <Start />
      ) : (
        <RoomPage key={`${room}#${meetingKey}`} room={room} meetingKey={meetingKey} />
      )}
    </Guard>
  );
}

class Guard extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    return this.state.hasFailed ? <Failed /> : this.props.children;
  }
}

function Failed() {
  const t = useText();
  return (
    <Card title={t("app.name")}>
      <p role="alert">{t("app.failed")}</p>
    </Card>
  );
}
