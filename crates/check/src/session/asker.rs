//! The side that checks: questions with their answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dolab_wire::session::{Ask, Hello, Message, Refusal, Reply};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::timeout,
};

use super::{
    SessionError,
    channel::{Carrier, Reader, Writer},
    opening::Session,
};

/// A session in which this side asks. Dropped, it ends without a word.
pub(crate) struct Asker {
    pub(crate) theirs: Hello,
    pub(crate) carrier: Carrier,
    out: mpsc::Sender<Message>,
    waiting: Arc<Waiting>,
    tasks: [AbortHandle; 2],
}

/// Questions without an answer yet.
#[derive(Default)]
struct Waiting {
    state: Mutex<WaitingState>,
}

#[derive(Default)]
struct WaitingState {
    next_id: u64,
    ended: bool,
    questions: HashMap<u64, Question>,
}

struct Question {
    answer: oneshot::Sender<Reply>,
    progress: Option<mpsc::UnboundedSender<u64>>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, WaitingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asker {
    pub(crate) fn new(session: Session) -> Self {
        let waiting = Arc::new(Waiting::default());
        let (out, queue) = mpsc::channel(16);
        let carrier = session.channel.carrier;
        let reading = tokio::spawn(read(session.channel.reader, Arc::clone(&waiting)));
        let writing = tokio::spawn(write(session.channel.writer, queue));
        Self {
            theirs: session.theirs,
            carrier,
            out,
            waiting,
            tasks: [reading.abort_handle(), writing.abort_handle()],
        }
    }

    /// Whether the session has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting.lock().ended
    }

    /// Asks, and waits for the answer at most so long.
    pub(crate) async fn ask(&self, ask: Ask, patience: Duration) -> Result<Reply, SessionError> {
        timeout(patience, self.send(ask, None)?.answer())
            .await
            .unwrap_or(Err(SessionError::TimedOut))
    }

    /// Asks something that takes long; `progress` is told how far it is.
    pub(crate) fn ask_long(
        &self,
        ask: Ask,
        progress: mpsc::UnboundedSender<u64>,
    ) -> Result<Pending<'_>, SessionError> {
        self.send(ask, Some(progress))
    }

    fn send(
        &self,
        ask: Ask,
        progress: Option<mpsc::UnboundedSender<u64>>,
    ) -> Result<Pending<'_>, SessionError> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut state = self.waiting.lock();
            if state.ended {
                return Err(SessionError::Closed);
            }
            state.next_id += 1;
            let id = state.next_id;
            state.questions.insert(id, Question { answer, progress });
            id
        };
        Ok(Pending {
            asker: self,
            id,
            message: Some(Message::Ask { id, ask }),
            answered,
        })
    }

    /// Ends the session in order, if the other side still reads.
    pub(crate) async fn bye(self) {
        let farewell = async {
            if self.out.send(Message::Bye).await.is_ok() {
                self.out.closed().await;
            }
        };
        // Politeness does not make the user wait.
        let _ = timeout(Duration::from_millis(300), farewell).await;
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// A question that was asked. Dropped, the answer is not waited for any more.
pub(crate) struct Pending<'a> {
    asker: &'a Asker,
    id: u64,
    message: Option<Message>,
    answered: oneshot::Receiver<Reply>,
}

impl Pending<'_> {
    /// The answer, a refusal being an error. Safe to cancel and call again.
    pub(crate) async fn answer(mut self) -> Result<Reply, SessionError> {
        self.next().await
    }

    /// As [`Self::answer`], for use in a loop.
    pub(crate) async fn next(&mut self) -> Result<Reply, SessionError> {
        if let Some(message) = self.message.take() {
            self.asker
                .out
                .send(message)
                .await
                .map_err(|_| SessionError::Closed)?;
        }
        match (&mut self.answered).await {
            Ok(Reply::Refused { why }) => Err(SessionError::Declined(why)),
            Ok(Reply::Unknown) => Err(SessionError::Declined(Refusal::Unsupported)),
            Ok(reply) => Ok(reply),
            Err(_) => Err(SessionError::Closed),
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.asker.waiting.lock().questions.remove(&self.id);
    }
}

async fn read(mut reader: Reader, waiting: Arc<Waiting>) {
    loop {
        let message = match reader.next().await {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, "the check session ended");
                break;
            }
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "an asker is told nothing else"
        )]
        match message {
            Message::Reply { id, reply } => {
                if let Some(question) = waiting.lock().questions.remove(&id) {
                    // Who asked may have lost patience.
                    let _ = question.answer.send(reply);
                }
            }
            Message::Progress { id, bytes } => {
                let state = waiting.lock();
                if let Some(progress) = state.questions.get(&id).and_then(|q| q.progress.as_ref()) {
                    // As above.
                    let _ = progress.send(bytes);
                }
            }
            Message::Refused { why } => {
                tracing::debug!(%why, "the other side ended the check session");
                break;
            }
            Message::Bye => break,
            // An asker is not asked, and the opening is over: as good as an unknown message.
            _ => {}
        }
    }
    let mut state = waiting.lock();
    state.ended = true;
    // Dropping the questions tells all who wait.
    state.questions.clear();
}

async fn write(mut writer: Writer, mut queue: mpsc::Receiver<Message>) {
    while let Some(message) = queue.recv().await {
        let last = message == Message::Bye;
        if let Err(error) = writer.send(&message).await {
            tracing::debug!(%error, "the check session can not be written to");
            break;
        }
        if last {
            break;
        }
    }
    writer.close().await;
}
