// What of the encryption does not hold, for whom, and what to do.
import { useCall, useMeeting } from "../../app/use-call";
import type { Participant, Protection } from "../../call/state";
import { useText } from "../../i18n/use-text";
import { Notice } from "../../ui/notice";

/** More names help nobody to find the cause. */
const NAMES_MAX = 5;

export function EncryptionNotices() {
  const t = useText();
  const { key } = useCall();
  const participants = useMeeting((meeting) => meeting.participants);
  const unreadable = namesOf(participants, "unreadable");
  const open = namesOf(participants, "open");
  if (key === null)
    return unreadable !== null && <Notice data-testid="key-missing">{t("encryption.keyMissing")}</Notice>;
  return (
    <>
      {unreadable !== null && (
        <Notice data-testid="other-key">{t("encryption.otherKey", { names: unreadable })}</Notice>
      )}
      {open !== null && <Notice data-testid="unencrypted">{t("encryption.missing", { names: open })}</Notice>}
    </>
  );
}

function namesOf(participants: readonly Participant[], protection: Protection): string | null {
  const names = participants.filter((one) => one.protection === protection).map(({ name }) => name);
  if (names.length === 0) return null;
  return names.slice(0, NAMES_MAX).join(", ") + (names.length > NAMES_MAX ? ", …" : "");
}
