//! A real Chromium without a window, and its tabs.
//!
//! Every tab is a browser of its own as far as storage goes, so that two tabs are two peers. Keys
//! and clicks go through the browser's input, not through scripts: they hit what a person would.

use crate::{
    devtools::{DevTools, Prompt},
    wait::{Look, until},
};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::{env, fs, path::Path, process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// What a browser needs on a machine without a screen, a sandbox or the Internet.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
];

const START_MAX: Duration = Duration::from_secs(60);
const LOAD_MAX: Duration = Duration::from_secs(30);

/// Size of a page in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewport {
    pub width: u32,
    pub height: u32,
}

pub const DESKTOP: Viewport = Viewport { width: 1280, height: 800 };
pub const PHONE: Viewport = Viewport { width: 360, height: 740 };

/// A running browser. It ends when dropped.
pub struct Browser {
    devtools: DevTools,
    // Before the profile, so that it is killed before its files are removed.
    _child: Child,
    _profile: TempDir,
}

/// One tab with storage of its own.
pub struct Tab {
    devtools: DevTools,
    session: String,
    context: String,
}

impl Browser {
    /// Starts `CHROMIUM`, or the `chromium` of the PATH, with a fresh profile.
    pub async fn start() -> Result<Browser> {
        Browser::start_with(&[], &[]).await
    }

    /// Starts one whose Bluetooth is the adapter behind a message bus. On Linux it asks for a flag.
    pub async fn start_with_bluetooth(bus: &str) -> Result<Browser> {
        let bus = [("DBUS_SYSTEM_BUS_ADDRESS", bus), ("DBUS_SESSION_BUS_ADDRESS", "disabled:")];
        Browser::start_with(&["--enable-features=WebBluetooth"], &bus).await
    }

    async fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Result<Browser> {
        let program = env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
        let profile = tempfile::tempdir()?;
        let mut child = Command::new(&program)
            .args(FLAGS)
            .args(flags)
            .envs(environment.iter().copied())
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.to_string_lossy()))?;
        let port_file = profile.path().join("DevToolsActivePort");
        let url = until("the browser to listen", START_MAX, async || {
            if let Some(status) = child.try_wait()? {
                bail!("the browser ended with {status}");
            }
            let text = fs::read_to_string(&port_file).unwrap_or_default();
            Ok(match text.trim().split_once('\n') {
                Some((port, path)) => Look::Yes(format!("ws://127.0.0.1:{port}{path}")),
                None => Look::NotYet(text),
            })
        })
        .await?;
        let devtools = DevTools::connect(&url).await?;
        Ok(Browser { devtools, _child: child, _profile: profile })
    }

    /// Opens `url` in a new tab and waits until the page is loaded.
    pub async fn tab(&self, url: &str) -> Result<Tab> {
        let context = self.devtools.send("Target.createBrowserContext", json!({}), None).await?;
        let context = string(&context, "browserContextId")?;
        let target = json!({"url": "about:blank", "browserContextId": context, "newWindow": true});
        let target = self.devtools.send("Target.createTarget", target, None).await?;
        let attach = json!({"targetId": string(&target, "targetId")?, "flatten": true});
        let attached = self.devtools.send("Target.attachToTarget", attach, None).await?;
        let session = string(&attached, "sessionId")?;
        let tab = Tab { devtools: self.devtools.clone(), session, context };
        for domain in
            ["Page.enable", "Runtime.enable", "Network.enable", "Log.enable", "Performance.enable"]
        {
            tab.send(domain, json!({})).await?;
        }
        // Otherwise a tab that another one covers gets no animation frames.
        tab.send("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await?;
        tab.resize(DESKTOP).await?;
        tab.open(url).await?;
        Ok(tab)
    }
}

impl Tab {
    /// Runs `js` in front of everything of each page that is opened from now on.
    pub async fn before_pages(&self, js: &str) -> Result<()> {
        self.send("Page.addScriptToEvaluateOnNewDocument", json!({"source": js})).await?;
        Ok(())
    }

    /// Goes to `url` and waits until the page is loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        let answer = self.send("Page.navigate", json!({"url": url})).await?;
        if let Some(error) = answer["errorText"].as_str() {
            bail!("{url}: {error}");
        }
        self.wait_for("document.readyState === 'complete'", LOAD_MAX).await?;
        Ok(())
    }

    pub async fn resize(&self, viewport: Viewport) -> Result<()> {
        let Viewport { width, height } = viewport;
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.send("Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
    }

    /// The value of an expression; a promise is waited for.
    pub async fn eval(&self, js: &str) -> Result<Value> {
        let params = json!({"expression": js, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.send("Runtime.evaluate", params).await?;
        if let Some(details) = answer.get("exceptionDetails") {
            bail!("{js}: {}", details["exception"]["description"].as_str().unwrap_or("threw"));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Seconds that the page's main thread has run so far, whatever else the machine did.
    pub async fn thread_seconds(&self) -> Result<f64> {
        let answer = self.send("Performance.getMetrics", json!({})).await?;
        let mut metrics = answer["metrics"].as_array().into_iter().flatten();
        let time = metrics.find(|metric| metric["name"] == "ThreadTime");
        time.and_then(|time| time["value"].as_f64()).context("the browser tells no ThreadTime")
    }

    /// Waits until an expression is neither false nor empty, and gives its value.
    pub async fn wait_for(&self, js: &str, limit: Duration) -> Result<Value> {
        let complaints = || self.devtools.complaints(&self.session);
        until(js, limit, async || {
            let value = self.eval(js).await?;
            let there =
                !matches!(&value, Value::Null | Value::Bool(false)) && value.as_str() != Some("");
            Ok(if there { Look::Yes(value) } else { Look::NotYet((value, complaints())) })
        })
        .await
    }

    /// Waits until the element with this test id is shown.
    pub async fn wait_shown(&self, test_id: &str, limit: Duration) -> Result<()> {
        let js = format!("({CENTRE})({}) !== null", json!(test_id));
        self.wait_for(&js, limit).await?;
        Ok(())
    }

    /// The text of the element with this test id; none when there is no such element.
    pub async fn text(&self, test_id: &str) -> Result<Option<String>> {
        let js = format!("document.querySelector({})?.textContent ?? null", json!(css(test_id)));
        Ok(self.eval(&js).await?.as_str().map(|text| text.trim().to_owned()))
    }

    /// Waits until the element with this test id can be clicked, and clicks into its middle.
    pub async fn click(&self, test_id: &str, limit: Duration) -> Result<()> {
        let what = format!("{test_id} to be clickable");
        until(&what, limit, async || {
            Ok(if self.click_if_offered(test_id).await? { Look::Yes(()) } else { Look::NotYet(()) })
        })
        .await
    }

    /// Gives this file to the file input with this test id, as a person's choice does.
    pub async fn choose_file(&self, test_id: &str, file: &Path) -> Result<()> {
        let js = format!("document.querySelector({})", json!(css(test_id)));
        let found = self.send("Runtime.evaluate", json!({ "expression": js })).await?;
        let input = found["result"]["objectId"].as_str();
        let input = input.with_context(|| format!("no {test_id} on the page"))?;
        self.send("DOM.setFileInputFiles", json!({ "files": [file], "objectId": input })).await?;
        Ok(())
    }

    /// Clicks the element with this test id if it is shown and enabled; tells whether it was.
    pub async fn click_if_offered(&self, test_id: &str) -> Result<bool> {
        let centre = self.eval(&format!("({CENTRE})({})", json!(test_id))).await?;
        let (Some(x), Some(y)) = (centre[0].as_f64(), centre[1].as_f64()) else {
            return Ok(false);
        };
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.send("Input.dispatchMouseEvent", event).await?;
        }
        Ok(true)
    }

    /// Types into whatever has the focus.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        for c in text.chars() {
            self.send("Input.dispatchKeyEvent", json!({"type": "char", "text": c})).await?;
        }
        Ok(())
    }

    /// Presses a key by its name in `KeyboardEvent.key`: `Enter`, `Tab`, `Escape`, `ArrowLeft`, ….
    pub async fn press(&self, key: &str) -> Result<()> {
        let (code, text) = match key {
            "Enter" => (13, Some("\r")),
            "Tab" => (9, None),
            "Escape" => (27, None),
            "ArrowLeft" => (37, None),
            "ArrowUp" => (38, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            other => bail!("the key {other} has no code here"),
        };
        let event = |kind: &str| {
            let mut event = json!({"type": kind, "key": key, "code": key});
            event["windowsVirtualKeyCode"] = code.into();
            event
        };
        let mut down = event("rawKeyDown");
        if let Some(text) = text {
            down["type"] = "keyDown".into();
            down["text"] = text.into();
        }
        self.send("Input.dispatchKeyEvent", down).await?;
        self.send("Input.dispatchKeyEvent", event("keyUp")).await?;
        Ok(())
    }

    /// From now on the browser's lists of devices are for [`Tab::chooser`].
    pub async fn expect_choosers(&self) -> Result<()> {
        self.send("DeviceAccess.enable", json!({})).await?;
        Ok(())
    }

    /// The browser's list of devices as it stands, if one is shown.
    pub fn chooser(&self) -> Option<Prompt> {
        self.devtools.prompt(&self.session)
    }

    /// Chooses the only device of the list; waits until there is one.
    pub async fn choose_device(&self, limit: Duration) -> Result<()> {
        let (id, device) = until("a device to choose", limit, async || {
            Ok(match self.chooser() {
                Some(Prompt { id, devices }) if !devices.is_empty() => {
                    Look::Yes((id, devices[0].0.clone()))
                }
                other => Look::NotYet(other),
            })
        })
        .await?;
        self.answer("DeviceAccess.selectPrompt", json!({"id": id, "deviceId": device})).await
    }

    /// Closes the list of devices without a choice.
    pub async fn cancel_chooser(&self, limit: Duration) -> Result<()> {
        let id = until("a list of devices", limit, async || {
            Ok(match self.chooser() {
                Some(prompt) => Look::Yes(prompt.id),
                None => Look::NotYet(()),
            })
        })
        .await?;
        self.answer("DeviceAccess.cancelPrompt", json!({"id": id})).await
    }

    async fn answer(&self, method: &str, params: Value) -> Result<()> {
        self.send(method, params).await?;
        self.devtools.forget_prompt(&self.session);
        Ok(())
    }

    /// Writes a PNG of what is shown.
    pub async fn picture(&self, file: &Path) -> Result<()> {
        let answer = self.send("Page.captureScreenshot", json!({"format": "png"})).await?;
        let data = answer["data"].as_str().context("a picture without data")?;
        let png = data_encoding::BASE64.decode(data.as_bytes())?;
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(file, png).with_context(|| format!("cannot write {}", file.display()))
    }

    /// An error when the console had an error, something was thrown or could not be loaded.
    pub fn assert_no_complaints(&self) -> Result<()> {
        let complaints = self.devtools.complaints(&self.session);
        match complaints.is_empty() {
            true => Ok(()),
            false => bail!("the tab complained:\n{}", complaints.join("\n")),
        }
    }

    /// Closes the tab and forgets what it stored.
    pub async fn close(self) -> Result<()> {
        let context = json!({"browserContextId": self.context});
        self.devtools.send("Target.disposeBrowserContext", context, None).await?;
        Ok(())
    }

    async fn send(&self, method: &str, params: Value) -> Result<Value> {
        self.devtools.send(method, params, Some(&self.session)).await
    }
}

/// The middle of the first element with a test id once it is scrolled into view, or null when none
/// is shown, enabled and uncovered.
const CENTRE: &str = "(id) => {
    const found = document.querySelectorAll(`[data-testid=\"${CSS.escape(id)}\"]`);
    for (const element of found) {
        if (element.disabled || element.getAttribute('aria-disabled') === 'true') continue;
        if (!element.checkVisibility()) continue;
        element.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
        const box = element.getBoundingClientRect();
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
        const top = document.elementFromPoint(x, y);
        if (top && (element.contains(top) || top.contains(element))) return [x, y];
    }
    return null;
}";

fn css(test_id: &str) -> String {
    format!("[data-testid={}]", json!(test_id))
}

fn string(value: &Value, key: &str) -> Result<String> {
    value[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in {value}"))
}
