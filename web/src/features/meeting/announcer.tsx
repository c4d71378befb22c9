// Says aloud, to those who use a screen reader, who comes, goes, shares or writes.
import { useMeeting } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import styles from "./announcer.module.css";

export function Announcer() {
  const t = useText();
  const announcements = useMeeting((meeting) => meeting.announcements);
  return (
    <div
      className={styles.unseen}
      role="status"
      aria-live="polite"
      aria-atomic="false"
      data-testid="announcer"
    >
      {announcements.map(({ id, what, name }) => (
        <p key={id}>{t(`said.${what}`, { name })}</p>
      ))}
    </div>
  );
}
