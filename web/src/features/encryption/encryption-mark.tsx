// The lock of an end-to-end encrypted meeting: whether it holds for everybody, and what it means.
import { useId } from "react";
import { useCall, useMeeting } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import styles from "./encryption-mark.module.css";

export function EncryptionMark() {
  const t = useText();
  const { key } = useCall();
  const isWhole = useMeeting((meeting) =>
    meeting.participants.every(({ protection }) => protection === "encrypted"),
  );
  const id = useId();
  if (key === null) return null;
  return (
    <>
      <span className={styles.mark} data-testid="encryption" data-state={isWhole ? "on" : "broken"}>
        <Button look="quiet" popoverTarget={id}>
          <Icon name={isWhole ? "lock" : "lockOpen"} />
          <span className={styles.words}>{isWhole ? t("encryption.on") : t("encryption.broken")}</span>
        </Button>
      </span>
      <div id={id} popover="auto" className={styles.explanation}>
        <p>{t("encryption.explained")}</p>
        <Button popoverTarget={id} popoverTargetAction="hide">
          {t("dialog.close")}
        </Button>
      </div>
    </>
  );
}
