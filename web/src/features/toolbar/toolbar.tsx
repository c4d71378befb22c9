// The controls of the meeting, in the order people know: microphone, camera, share, chat, leave.
import { useCall, useMeeting } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { CHAT_BUTTON_ID } from "../chat/chat";
import { DeviceSwitch } from "../devices/device-switch";
import { DeviceDialog } from "./device-dialog";
import { ToolButton } from "./tool-button";
import styles from "./toolbar.module.css";

export function Toolbar() {
  const t = useText();
  const call = useCall();
  return (
    <footer className={styles.bar}>
      <div className={styles.tools} role="toolbar" aria-label={t("toolbar.label")}>
        <DeviceSwitch kind="microphone" isCompact />
        <DeviceSwitch kind="camera" isCompact />
        <ShareButton />
        <DeviceDialog />
        <ChatButton />
        <ToolButton
          icon="leave"
          words={t("toolbar.leave")}
          label={t("toolbar.leave")}
          data-look="danger"
          data-testid="leave"
          onClick={() => call.leave()}
        />
      </div>
    </footer>
  );
}

/** Phones cannot share: their browsers have no such function. */
function ShareButton() {
  const t = useText();
  const call = useCall();
  const isSharing = useMeeting((meeting) =>
    meeting.participants.some((participant) => participant.isLocal && participant.screen !== null),
  );
  if (navigator.mediaDevices?.getDisplayMedia === undefined) return null;
  return (
    <ToolButton
      icon={isSharing ? "screenOff" : "screen"}
      words={t("toolbar.share")}
      label={isSharing ? t("toolbar.share.stop") : t("toolbar.share.start")}
      data-look={isSharing ? "main" : undefined}
      data-testid="share"
      data-sharing={isSharing}
      onClick={() => void call.share(!isSharing)}
    />
  );
}

function ChatButton() {
  const t = useText();
  const call = useCall();
  const isOpen = useMeeting((meeting) => meeting.chat.isOpen);
  const unread = useMeeting((meeting) => meeting.chat.unread);
  const opening = unread > 0 ? t("toolbar.chat.unread", { count: unread }) : t("toolbar.chat.open");
  return (
    <ToolButton
      icon="chat"
      id={CHAT_BUTTON_ID}
      words={t("toolbar.chat")}
      label={isOpen ? t("toolbar.chat.close") : opening}
      data-look={isOpen ? "main" : undefined}
      data-testid="chat-button"
      aria-expanded={isOpen}
      onClick={() => call.toggleChat(!isOpen)}
    >
      {unread > 0 && (
        <span className={styles.badge} aria-hidden="true">
          {Math.min(unread, 99)}
        </span>
      )}
    </ToolButton>
  );
}
