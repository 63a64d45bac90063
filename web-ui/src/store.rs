//! What must survive a crash, in IndexedDB: the core's keys and values, and this peer's own key.
//!
//! Rules. One transaction per ticket, all or nothing; the browser runs transactions over the same
//! store in the order they were made, so a finished ticket covers every earlier one. They ask for
//! strict durability, because a vote must not be forgotten when the power goes. After the first
//! failure nothing more is written and nothing more is reported as stored: a later success would
//! claim that the lost ticket was kept.
//!
//! Keys are `ArrayBuffer`s, which IndexedDB orders bytewise (Indexed Database API 2.0, 2.4).

use crate::inbox::Inbox;
use bitcraps_core::node::{Input, Write};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, IdbDatabase, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction,
    IdbTransactionMode,
};

/// What the core asked to keep.
const KV: &str = "kv";
/// This peer's secret and nonce.
const OWN: &str = "own";
const OWN_KEY: &str = "identity";

/// Secret key (32 bytes), then the nonce of its proof of work (8 bytes, little-endian).
pub const OWN_BYTES: usize = 40;

/// Why nothing more is stored, in the browser's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

/// Every stored key and value, in key order.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// One open database.
#[derive(Clone)]
pub struct Store {
    database: IdbDatabase,
    failure: Rc<RefCell<Option<StoreError>>>,
}

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase.transaction` with options, which `web-sys` has not declared stable.
    type Transactor;

    #[wasm_bindgen(catch, method)]
    fn transaction(
        this: &Transactor,
        stores: &str,
        mode: &str,
        options: &JsValue,
    ) -> Result<IdbTransaction, JsValue>;
}

impl Store {
    /// Opens the database of that name, making it when there is none.
    pub async fn open(name: &str) -> Result<Store, StoreError> {
        let factory = web_sys::window()
            .and_then(|w| w.indexed_db().ok()?)
            .ok_or_else(|| StoreError("this browser offers no storage to this page".into()))?;
        let request = factory.open_with_u32(name, 1).map_err(StoreError::of)?;
        let on_upgrade = on_upgrade(&request);
        request.set_onupgradeneeded(Some(on_upgrade.as_ref().unchecked_ref()));
        let database: IdbDatabase = answer(&request).await?.unchecked_into();
        request.set_onupgradeneeded(None);
        let store = Store { database, failure: Rc::default() };
        let kept = store.clone();
        // Someone clears this site's data: let them, and say that nothing is kept any more.
        let cleared = Closure::once_into_js(move |_: Event| kept.close());
        store.database.set_onversionchange(Some(cleared.unchecked_ref()));
        Ok(store)
    }

    /// Everything the core stored, in key order.
    pub async fn load(&self) -> Result<Entries, StoreError> {
        let kv = self.read_only(KV)?;
        let keys = kv.get_all_keys().map_err(StoreError::of)?;
        let values = kv.get_all().map_err(StoreError::of)?;
        let keys = js_sys::Array::from(&answer(&keys).await?);
        let values = js_sys::Array::from(&answer(&values).await?);
        Ok(keys.iter().map(|k| bytes(&k)).zip(values.iter().map(|v| bytes(&v))).collect())
    }

    /// This peer's secret and nonce, when it was here before.
    pub async fn own(&self) -> Result<Option<[u8; OWN_BYTES]>, StoreError> {
        let request = self.read_only(OWN)?.get(&OWN_KEY.into()).map_err(StoreError::of)?;
        let value = answer(&request).await?;
        if value.is_undefined() {
            return Ok(None);
        }
        bytes(&value)
            .try_into()
            .map(Some)
            .map_err(|_| StoreError("the stored key has a wrong length".into()))
    }

    /// Resolves when the key survives a crash.
    pub async fn keep_own(&self, own: &[u8; OWN_BYTES]) -> Result<(), StoreError> {
        let transaction = self.read_write(OWN)?;
        let store = transaction.object_store(OWN).map_err(StoreError::of)?;
        store.put_with_key(&buffer(own), &OWN_KEY.into()).map_err(StoreError::of)?;
        committed(&transaction).await
    }

    /// Starts one transaction; `Stored { ticket }` comes through the inbox when it is durable.
    pub fn write(&self, ticket: u64, writes: &[Write], inbox: &Inbox) {
        if self.failure().is_some() {
            return;
        }
        match self.begin(writes) {
            Ok(transaction) => self.report(&transaction, ticket, inbox),
            Err(why) => self.fail(why),
        }
    }

    /// Set once something could not be kept: this peer must not vote any more.
    pub fn failure(&self) -> Option<StoreError> {
        self.failure.borrow().clone()
    }

    /// Lets the database go for good; every later write fails.
    pub fn close(&self) {
        self.database.close();
        self.fail(StoreError("the stored data was cleared".to_owned()));
    }

    fn begin(&self, writes: &[Write]) -> Result<IdbTransaction, StoreError> {
        let transaction = self.read_write(KV)?;
        let kv = transaction.object_store(KV).map_err(StoreError::of)?;
        for write in writes {
            match write {
                Write::Put { key, value } => kv.put_with_key(&buffer(value), &buffer(key)),
                Write::DeletePrefix { prefix } => range(prefix).and_then(|r| kv.delete(&r)),
            }
            .map_err(|error| {
                // What was queued before must not be kept alone.
                let _ = transaction.abort();
                StoreError::of(error)
            })?;
        }
        Ok(transaction)
    }

    fn report(&self, transaction: &IdbTransaction, ticket: u64, inbox: &Inbox) {
        let (store, inbox, asked) = (self.clone(), inbox.clone(), transaction.clone());
        // Exactly one of the two events comes, which is what frees this closure.
        let ended = Closure::once_into_js(move |event: Event| {
            if event.type_() != "complete" {
                let why = asked.error().map_or_else(String::new, |error| error.message());
                store.fail(StoreError(why));
            }
            if store.failure().is_none() {
                inbox.answer(Input::Stored { ticket });
            }
        });
        transaction.set_oncomplete(Some(ended.unchecked_ref()));
        transaction.set_onabort(Some(ended.unchecked_ref()));
    }

    fn fail(&self, why: StoreError) {
        self.failure.borrow_mut().get_or_insert(why);
    }

    fn read_only(&self, store: &str) -> Result<IdbObjectStore, StoreError> {
        self.database
            .transaction_with_str_and_mode(store, IdbTransactionMode::Readonly)
            .and_then(|transaction| transaction.object_store(store))
            .map_err(StoreError::of)
    }

    fn read_write(&self, store: &str) -> Result<IdbTransaction, StoreError> {
        let options = js_sys::Object::new();
        let _ = js_sys::Reflect::set(&options, &"durability".into(), &"strict".into());
        self.database
            .unchecked_ref::<Transactor>()
            .transaction(store, "readwrite", &options)
            .map_err(StoreError::of)
    }
}

impl StoreError {
    fn of(error: JsValue) -> StoreError {
        let text = error
            .dyn_ref::<web_sys::DomException>()
            .map_or_else(|| "storage failed".to_owned(), |e| e.message());
        StoreError(text)
    }
}

fn on_upgrade(request: &IdbOpenDbRequest) -> Closure<dyn FnMut(Event)> {
    let request = request.clone();
    Closure::new(move |_: Event| {
        if let Ok(database) = request.result() {
            let database: IdbDatabase = database.unchecked_into();
            // A failure aborts the upgrade, and opening reports it.
            let _ = database.create_object_store(KV);
            let _ = database.create_object_store(OWN);
        }
    })
}

/// The result of a request, when it has come.
async fn answer(request: &IdbRequest) -> Result<JsValue, StoreError> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(promise).await {
        Ok(_) => request.result().map_err(StoreError::of),
        Err(_) => Err(request
            .error()
            .ok()
            .flatten()
            .map_or_else(|| StoreError("storage failed".into()), |e| StoreError(e.message()))),
    }
}

async fn committed(transaction: &IdbTransaction) -> Result<(), StoreError> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    match JsFuture::from(promise).await {
        Ok(_) => Ok(()),
        Err(_) => Err(StoreError(
            transaction.error().map_or_else(|| "storage failed".to_owned(), |e| e.message()),
        )),
    }
}

fn buffer(bytes: &[u8]) -> JsValue {
    js_sys::Uint8Array::from(bytes).buffer().into()
}

fn bytes(value: &JsValue) -> Vec<u8> {
    js_sys::Uint8Array::new(value).to_vec()
}

/// Every key that starts with these bytes.
fn range(prefix: &[u8]) -> Result<IdbKeyRange, JsValue> {
    match after(prefix) {
        Some(end) => IdbKeyRange::bound_with_lower_open_and_upper_open(
            &buffer(prefix),
            &buffer(&end),
            false,
            true,
        ),
        None => IdbKeyRange::lower_bound(&buffer(prefix)),
    }
}

/// The first bytes after every key with this prefix; none when the prefix is all ones or empty.
fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_comes_right_after_its_last_key() {
        for (prefix, end) in [
            (&b"ab"[..], Some(&b"ac"[..])),
            (&[1, 255], Some(&[2])),
            (&[255, 255], None),
            (&[], None),
            (&[0], Some(&[1])),
        ] {
            assert_eq!(after(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
