// The meeting: who is there, the pictures, the chat, and the controls.
import { useMeeting } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Chat } from "../chat/chat";
import { Toolbar } from "../toolbar/toolbar";
import { Announcer } from "./announcer";
import { MeetingHeader } from "./meeting-header";
import styles from "./meeting-screen.module.css";
import { Notices } from "./notices";
import { Stage } from "./stage";

export function MeetingScreen() {
  const t = useText();
  const isChatOpen = useMeeting((meeting) => meeting.chat.isOpen);
  return (
    <div className={styles.screen} data-testid="meeting">
      <MeetingHeader />
      <main className={styles.main} data-chat={isChatOpen} aria-label={t("meeting.grid")}>
        <div className={styles.pictures}>
          <Notices />
          <Stage />
        </div>
        {isChatOpen && <Chat />}
      </main>
      <Toolbar />
      <Announcer />
    </div>
  );
}
