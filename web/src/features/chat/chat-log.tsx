// The messages so far, with who wrote them and when they came.
import { useEffect, useRef } from "react";
import { useMeeting } from "../../app/use-call";
import type { ChatMessage } from "../../call/state";
import { useLanguage, useText } from "../../i18n/use-text";
import styles from "./chat.module.css";

/** Who reads older messages is not torn away by a new one; this close to the end counts as at the end. */
const NEAR_END_PX = 80;

export function ChatLog() {
  const t = useText();
  const messages = useMeeting((meeting) => meeting.chat.messages);
  const log = useRef<HTMLDivElement>(null);
  const last = messages.at(-1);

  useEffect(() => {
    const box = log.current;
    if (box === null || last === undefined) return;
    const isNearEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX + lastHeight(box);
    if (isNearEnd || last.isMine) box.scrollTop = box.scrollHeight;
  }, [last]);

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by keyboard
    <div ref={log} className={styles.log} role="log" aria-label={t("chat.log")} tabIndex={0}>
      {messages.length === 0 && <p className={styles.empty}>{t("chat.empty")}</p>}
      {messages.map((message) => (
        <Message key={message.id} message={message} />
      ))}
    </div>
  );
}

function Message({ message }: { message: ChatMessage }) {
  const t = useText();
  const language = useLanguage();
  const time = new Date(message.receivedAt);
  return (
    <article className={styles.message} data-mine={message.isMine} data-testid="chat-message">
      <p className={styles.from}>
        <strong>{message.isMine ? t("chat.you") : message.from}</strong>
        <time dateTime={time.toISOString()}>
          {time.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })}
        </time>
      </p>
      <p className={styles.text}>{message.text}</p>
    </article>
  );
}

function lastHeight(box: HTMLElement): number {
  return box.lastElementChild instanceof HTMLElement ? box.lastElementChild.offsetHeight : 0;
}
