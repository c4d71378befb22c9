// What the person should know right now: no connection, no sound, a device that fails.
import { useCall, useMeeting } from "../../app/use-call";
import type { Trouble } from "../../call/state";
import type { TextKey } from "../../i18n/texts";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Notice } from "../../ui/notice";
import { BlockedNote } from "../devices/blocked-note";
import { EncryptionNotices } from "../encryption/encryption-notices";
import styles from "./notices.module.css";

const TROUBLES = {
  "share-failed": "meeting.shareFailed",
  "chat-failed": "meeting.chatFailed",
  "neighbours-failed": "neighbours.failed",
} as const satisfies Readonly<Record<Trouble, TextKey>>;

export function Notices() {
  const t = useText();
  const call = useCall();
  const link = useMeeting((meeting) => meeting.link);
  const trouble = useMeeting((meeting) => meeting.trouble);
  const isSoundBlocked = useMeeting((meeting) => meeting.isSoundBlocked);
  const isAlone = useMeeting((meeting) => meeting.participants.length === 1);
  return (
    <div className={styles.notices}>
      {link === "reconnecting" && <Notice data-testid="reconnecting">{t("meeting.reconnecting")}</Notice>}
      {isSoundBlocked && (
        <Notice>
          {t("meeting.soundBlocked")}
          <Button look="main" data-testid="allow-sound" onClick={() => call.allowSound()}>
            <Icon name="sound" />
            {t("meeting.soundAllow")}
          </Button>
        </Notice>
      )}
      {trouble !== null && <Notice>{t(TROUBLES[trouble])}</Notice>}
      <EncryptionNotices />
      <BlockedNote kind="microphone" />
      <BlockedNote kind="camera" />
      {isAlone && link === "up" && <p className={styles.alone}>{t("meeting.alone")}</p>}
    </div>
  );
}
