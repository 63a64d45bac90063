//! What survives a crash: one `redb` file per node, written by one thread.
//!
//! Rules. Changes are stored in the order they were asked for; every ticket that waits when the
//! thread is free goes into one transaction, because each transaction costs one flush to disk. A
//! ticket is reported only after that flush. The first failure ends the writing for good: a node
//! that cannot remember its votes must not vote. The file is locked by the first node that opens
//! it.
//!
//! It does not know what the core keeps under its keys. The identity has a table of its own.

use bitcraps_core::node::Write;
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use std::{
    fs, io,
    ops::Bound,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
};
use tokio::sync::{mpsc, oneshot, watch};
use zeroize::Zeroize as _;

/// The core's own ordered map.
const STATE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state");
/// Secret key and nonce under one name.
const IDENTITY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("identity");
const IDENTITY_KEY: &str = "ed25519";

/// Pages kept in memory, in bytes. A node's state is small; the default of redb is 1 GiB.
const CACHE_BYTES: usize = 1024 * 1024;

/// Tickets that may wait for the disk; the driver waits with the next one. Guess: far more than
/// one flush lets pile up.
const TICKETS_WAITING_MAX: usize = 256;

/// Why the store cannot be used. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("another node is using {}; stop it or pass --data", dir.display())]
    InUse { dir: PathBuf },
    #[error("cannot write to {}: {why}; make it writable or pass --data", dir.display())]
    Unwritable { dir: PathBuf, why: String },
    #[error("{} is damaged: {why}; restore it from a backup or pass --data", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error(
        "{} was written in format {found}, which this version does not read; run the version that \
         wrote it or pass --data",
        path.display()
    )]
    OldFormat { path: PathBuf, found: u8 },
    #[error("cannot store what must survive a crash: {why}; free some disk space and start again")]
    WriteFailed { why: String },
}

/// The secret of an identity and the nonce of its work.
pub struct StoredIdentity {
    pub secret: [u8; 32],
    pub nonce: u64,
}

impl Drop for StoredIdentity {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// An open store, locked against every other process.
pub struct Store {
    db: Database,
    path: PathBuf,
}

impl Store {
    /// Opens `dir/node.redb`, creating both as needed, readable by this user alone.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let unwritable = |e: io::Error| StoreError::Unwritable {
            dir: dir.to_path_buf(),
            why: e.kind().to_string(),
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(unwritable)?;
        let path = dir.join("node.redb");
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unwritable)?;
        let db = Database::builder().set_cache_size(CACHE_BYTES).create_file(file);
        let db = db.map_err(|e| match e {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { dir: dir.to_path_buf() },
            DatabaseError::UpgradeRequired(found) => {
                StoreError::OldFormat { path: path.clone(), found }
            }
            DatabaseError::Storage(redb::StorageError::Io(e)) if is_refusal(&e) => unwritable(e),
            other => StoreError::Damaged { path: path.clone(), why: other.to_string() },
        })?;
        Ok(Store { db, path })
    }

    pub fn identity(&self) -> Result<Option<StoredIdentity>, StoreError> {
        let bytes = self
            .read(IDENTITY, |table| Ok(table.get(IDENTITY_KEY)?.map(|v| v.value().to_vec())))?
            .flatten();
        let Some(mut bytes) = bytes else { return Ok(None) };
        let parsed = bytes.split_first_chunk::<32>().and_then(|(secret, nonce)| {
            let nonce = u64::from_le_bytes(nonce.try_into().ok()?);
            Some(StoredIdentity { secret: *secret, nonce })
        });
        bytes.zeroize();
        parsed.map(Some).ok_or_else(|| self.damaged("the stored identity has a wrong length"))
    }

    pub fn put_identity(&self, identity: &StoredIdentity) -> Result<(), StoreError> {
        let mut bytes = identity.secret.to_vec();
        bytes.extend_from_slice(&identity.nonce.to_le_bytes());
        let done = (|| -> Result<(), redb::Error> {
            let transaction = self.db.begin_write()?;
            transaction.open_table(IDENTITY)?.insert(IDENTITY_KEY, bytes.as_slice())?;
            Ok(transaction.commit()?)
        })();
        bytes.zeroize();
        done.map_err(|e| StoreError::WriteFailed { why: e.to_string() })
    }

    /// Everything the core asked to keep, in key order.
    pub fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let entries = self.read(STATE, |table| {
            table
                .iter()?
                .map(|entry| entry.map(|(k, v)| (k.value().to_vec(), v.value().to_vec())))
                .collect::<Result<Vec<_>, _>>()
                .map_err(redb::Error::from)
        })?;
        Ok(entries.unwrap_or_default())
    }

    /// `None` when nothing was ever written to the table.
    fn read<K: redb::Key, V: redb::Value, T>(
        &self,
        table: TableDefinition<'_, K, V>,
        read: impl FnOnce(redb::ReadOnlyTable<K, V>) -> Result<T, redb::Error>,
    ) -> Result<Option<T>, StoreError> {
        let result = (|| -> Result<Option<T>, redb::Error> {
            match self.db.begin_read()?.open_table(table) {
                Ok(table) => read(table).map(Some),
                Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
                Err(e) => Err(e.into()),
            }
        })();
        result.map_err(|e| self.damaged(&e.to_string()))
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), why: why.to_owned() }
    }

    /// Moves the store to a thread of its own that writes until the writer is closed.
    pub fn write_behind(self) -> Result<StoreWriter, StoreError> {
        let (errands, inbox) = mpsc::channel(TICKETS_WAITING_MAX);
        let (report, progress) = watch::channel(Progress::default());
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write_until_closed(&self.db, inbox, &report))
            .map_err(|e| StoreError::WriteFailed { why: e.to_string() })?;
        Ok(StoreWriter { errands, progress, thread })
    }
}

fn is_refusal(e: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
    matches!(e.kind(), PermissionDenied | ReadOnlyFilesystem | StorageFull)
}

/// How far the disk has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The highest ticket that survives a crash, 0 before the first.
    pub stored: u64,
    /// Transactions made for it.
    pub commits: u64,
    /// Set once and for good by the first failure.
    pub failed: Option<String>,
}

/// One request of the core, see `Output::Persist`.
#[derive(Debug)]
pub struct Job {
    pub ticket: u64,
    pub writes: Vec<Write>,
}

/// What the store thread is handed.
enum Errand {
    Write(Job),
    /// Answered when everything handed in before is on the disk.
    Check(oneshot::Sender<()>),
}

/// Asks the store thread whether it still works. Does not keep it open.
#[derive(Clone)]
pub struct StoreProbe {
    errands: mpsc::WeakSender<Errand>,
    progress: watch::Receiver<Progress>,
}

impl StoreProbe {
    /// Resolves when everything handed in before is on the disk; the error says why nothing will
    /// be any more.
    pub async fn check(&self) -> Result<(), String> {
        let ended = || match &self.progress.borrow().failed {
            Some(why) => format!("writing failed: {why}"),
            None => "it was closed".to_owned(),
        };
        let errands = self.errands.upgrade().ok_or_else(ended)?;
        let (answer, answered) = oneshot::channel();
        errands.send(Errand::Check(answer)).await.map_err(|_| ended())?;
        drop(errands);
        answered.await.map_err(|_| ended())
    }
}

/// The driver's end of the store thread.
pub struct StoreWriter {
    errands: mpsc::Sender<Errand>,
    pub progress: watch::Receiver<Progress>,
    thread: thread::JoinHandle<()>,
}

impl StoreWriter {
    /// Waits while the disk is behind by [`TICKETS_WAITING_MAX`] tickets: nothing that depends on
    /// the store may overtake it. A job handed in after a failure is dropped; the progress says so.
    pub async fn store(&self, job: Job) {
        let _ = self.errands.send(Errand::Write(job)).await;
    }

    pub fn probe(&self) -> StoreProbe {
        StoreProbe { errands: self.errands.downgrade(), progress: self.progress.clone() }
    }

    /// Writes what waits, closes the file and returns its last word. Blocks for the disk.
    pub fn close(self) -> Result<(), StoreError> {
        drop(self.errands);
        if self.thread.join().is_err() {
            return Err(StoreError::WriteFailed { why: "the store thread panicked".to_owned() });
        }
        match &self.progress.borrow().failed {
            Some(why) => Err(StoreError::WriteFailed { why: why.clone() }),
            None => Ok(()),
        }
    }
}

fn write_until_closed(
    db: &Database,
    mut inbox: mpsc::Receiver<Errand>,
    report: &watch::Sender<Progress>,
) {
    while let Some(first) = inbox.blocking_recv() {
        let (mut group, mut checks) = (Vec::new(), Vec::new());
        for errand in std::iter::once(first).chain(std::iter::from_fn(|| inbox.try_recv().ok())) {
            match errand {
                Errand::Write(job) => group.push(job),
                Errand::Check(answer) => checks.push(answer),
            }
        }
        if let Some(ticket) = group.iter().map(|job| job.ticket).max() {
            if let Err(e) = commit(db, &group) {
                report.send_modify(|progress| progress.failed = Some(e.to_string()));
                return;
            }
            report.send_modify(|progress| {
                progress.stored = progress.stored.max(ticket);
                progress.commits += 1;
            });
        }
        for answer in checks {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(());
        }
    }
}

fn commit(db: &Database, group: &[Job]) -> Result<(), redb::Error> {
    let transaction = db.begin_write()?;
    {
        let mut table = transaction.open_table(STATE)?;
        for write in group.iter().flat_map(|job| &job.writes) {
            match write {
                Write::Put { key, value } => {
                    table.insert(key.as_slice(), value.as_slice())?;
                }
                Write::DeletePrefix { prefix } => {
                    let end = after_prefix(prefix);
                    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
                    let range = (Bound::Included(prefix.as_slice()), end);
                    table.retain_in::<&[u8], _>(range, |_, _| false)?;
                }
            }
        }
    }
    Ok(transaction.commit()?)
}

/// The first key after all that start with `prefix`; `None` when there is no such key.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &[u8], value: &[u8]) -> Write {
        Write::Put { key: key.to_vec(), value: value.to_vec() }
    }

    /// Longer than a loaded disk takes, so that a store that writes nothing fails the test.
    async fn stored(writer: &mut StoreWriter, ticket: u64) -> Progress {
        let done = writer.progress.wait_for(|p| p.stored == ticket || p.failed.is_some());
        let waited = tokio::time::timeout(std::time::Duration::from_secs(30), done).await;
        waited.unwrap().unwrap().clone()
    }

    fn delete(prefix: &[u8]) -> Write {
        Write::DeletePrefix { prefix: prefix.to_vec() }
    }

    #[tokio::test]
    async fn what_was_stored_is_there_in_key_order_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Store::open(dir.path()).unwrap().write_behind().unwrap();
        writer.store(Job { ticket: 1, writes: vec![put(b"b", b"2"), put(b"a", b"1")] }).await;
        writer.store(Job { ticket: 2, writes: vec![put(b"a", b"3")] }).await;
        stored(&mut writer, 2).await;
        writer.close().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let expected = vec![(b"a".to_vec(), b"3".to_vec()), (b"b".to_vec(), b"2".to_vec())];
        assert_eq!(store.entries().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_prefix_is_deleted_whole_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Store::open(dir.path()).unwrap().write_behind().unwrap();
        let keys: [&[u8]; 6] = [b"a", b"b", b"b\0", b"b\xff\xff", b"c", b"\xff\xff"];
        let mut writes: Vec<Write> = keys.iter().map(|key| put(key, b"")).collect();
        writes.extend([delete(b"b"), delete(b"\xff"), put(b"b1", b"after")]);
        writer.store(Job { ticket: 1, writes }).await;
        writer.close().unwrap();
        let left: Vec<Vec<u8>> =
            Store::open(dir.path()).unwrap().entries().unwrap().into_iter().map(|e| e.0).collect();
        assert_eq!(left, [b"a".to_vec(), b"b1".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn the_empty_prefix_is_everything() {
        assert_eq!(after_prefix(b""), None);
        assert_eq!(after_prefix(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff\xff"), None);
    }

    #[tokio::test]
    async fn tickets_that_wait_share_a_transaction() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Store::open(dir.path()).unwrap().write_behind().unwrap();
        let tickets = 200;
        for ticket in 1..=tickets {
            writer.store(Job { ticket, writes: vec![put(&ticket.to_le_bytes(), b"x")] }).await;
        }
        let progress = stored(&mut writer, tickets).await;
        assert!(progress.commits < tickets, "{} transactions", progress.commits);
        writer.close().unwrap();
    }

    #[test]
    fn a_second_opener_is_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Store::open(dir.path()).unwrap();
        let refused = Store::open(dir.path()).err().unwrap().to_string();
        let expected =
            format!("another node is using {}; stop it or pass --data", dir.path().display());
        assert_eq!(refused, expected);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        let refused = Store::open(&file.join("data")).err().unwrap();
        assert!(matches!(refused, StoreError::Unwritable { .. }), "{refused}");
        assert!(!refused.to_string().contains('\n'));
    }

    #[test]
    fn a_file_that_is_no_store_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.redb");
        fs::write(&path, b"not a store, but long enough to look at").unwrap();
        assert!(matches!(Store::open(dir.path()), Err(StoreError::Damaged { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"not a store, but long enough to look at");
    }

    /// A disk that is full after it was created.
    #[derive(Debug)]
    struct FullDisk {
        inner: redb::backends::InMemoryBackend,
        full: std::sync::Arc<std::sync::atomic::AtomicBool>,
    }

    impl redb::StorageBackend for FullDisk {
        fn len(&self) -> io::Result<u64> {
            self.inner.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.inner.read(offset, out)
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.inner.set_len(len)
        }
        fn sync_data(&self) -> io::Result<()> {
            self.inner.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            if self.full.load(std::sync::atomic::Ordering::SeqCst) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.inner.write(offset, data)
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_reported_and_no_ticket_counts_after_it() {
        let full = std::sync::Arc::default();
        let disk = FullDisk { inner: Default::default(), full: std::sync::Arc::clone(&full) };
        let db = Database::builder().create_with_backend(disk).unwrap();
        let mut writer = Store { db, path: PathBuf::new() }.write_behind().unwrap();
        writer.store(Job { ticket: 1, writes: vec![put(b"a", b"1")] }).await;
        stored(&mut writer, 1).await;
        let probe = writer.probe();
        assert_eq!(probe.check().await, Ok(()));
        full.store(true, std::sync::atomic::Ordering::SeqCst);
        writer.store(Job { ticket: 2, writes: vec![put(b"b", b"2")] }).await;
        assert_eq!(stored(&mut writer, 2).await.stored, 1);
        let refused = probe.check().await.unwrap_err();
        assert!(refused.starts_with("writing failed: "), "{refused}");
        assert!(matches!(writer.close(), Err(StoreError::WriteFailed { .. })));
    }
}
