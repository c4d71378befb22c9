// Names the room, counts the people, and gives the link to invite more.
import { useEffect, useRef, useState } from "react";
import { useCall, useMeeting } from "../../app/use-call";
import { meetingPath } from "../../call/meeting-key";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { LanguagePicker } from "../../ui/language-picker";
import { EncryptionMark } from "../encryption/encryption-mark";
import styles from "./meeting-header.module.css";

export function MeetingHeader() {
  const t = useText();
  const { room } = useCall();
  const count = useMeeting((meeting) => meeting.participants.length);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <header className={styles.header}>
      <h1 ref={heading} tabIndex={-1} className={styles.title} aria-label={t("meeting.title", { room })}>
        {room}
      </h1>
      <p className={styles.people} data-testid="people-count" data-count={count}>
        <Icon name="people" />
        {count === 1 ? t("meeting.people.one") : t("meeting.people.other", { count })}
      </p>
      <EncryptionMark />
      <CopyLink />
      <span className={styles.language}>
        <LanguagePicker />
      </span>
    </header>
  );
}

function CopyLink() {
  const t = useText();
  const { room, key } = useCall();
  const [isCopied, setCopied] = useState(false);

  async function copy() {
    await navigator.clipboard.writeText(location.origin + meetingPath(room, key));
    setCopied(true);
  }

  // Without encryption there is no clipboard; the address bar holds the same link.
  if (navigator.clipboard === undefined) return null;
  return (
    <Button look="quiet" onClick={() => void copy()} onBlur={() => setCopied(false)}>
      <Icon name={isCopied ? "check" : "link"} />
      <span className={styles.words} aria-live="polite">
        {isCopied ? t("meeting.linkCopied") : t("meeting.copyLink")}
      </span>
    </Button>
  );
}
