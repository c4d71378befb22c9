// The chat panel. The focus goes into it when it opens and back to its button when it closes.
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useCall, useMeeting } from "../../app/use-call";
import { MESSAGE_LENGTH_MAX } from "../../call/chat";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import styles from "./chat.module.css";
import { ChatLog } from "./chat-log";

export const CHAT_BUTTON_ID = "chat-button";

export function Chat() {
  const t = useText();
  const call = useCall();
  return (
    <aside
      className={styles.panel}
      aria-label={t("chat.title")}
      data-testid="chat"
      onKeyDown={({ key }) => key === "Escape" && call.toggleChat(false)}
    >
      <header className={styles.top}>
        <h2>{t("chat.title")}</h2>
        <Button look="quiet" aria-label={t("chat.close")} onClick={() => call.toggleChat(false)}>
          <Icon name="close" />
        </Button>
      </header>
      <ChatLog />
      <Composer />
    </aside>
  );
}

function Composer() {
  const t = useText();
  const call = useCall();
  const isUp = useMeeting((meeting) => meeting.link === "up");
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    input.current?.focus();
    return () => document.getElementById(CHAT_BUTTON_ID)?.focus();
  }, []);

  async function send(event: FormEvent) {
    event.preventDefault();
    if (await call.say(text)) setText("");
  }

  return (
    <form className={styles.composer} onSubmit={(event) => void send(event)}>
      <input
        ref={input}
        aria-label={t("chat.input")}
        placeholder={t("chat.input")}
        autoComplete="off"
        maxLength={MESSAGE_LENGTH_MAX}
        value={text}
        data-testid="chat-input"
        onChange={({ target }) => setText(target.value)}
      />
      <Button type="submit" look="main" aria-label={t("chat.send")} disabled={!isUp}>
        <Icon name="send" />
      </Button>
    </form>
  );
}
