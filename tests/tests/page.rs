//! The browser's side of these tests, tried on a page that is known.
//!
//! When this fails, the others say nothing about BitCraps.

use anyhow::Result;
use bitcraps_tests::browser::{Browser, PHONE};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

const PAGE: &str = "data:text/html,<button data-testid=off disabled>Off</button>\
    <p style='margin-top:3000px'></p>\
    <button data-testid=on onclick='document.title=this.textContent'>On</button>\
    <input data-testid=field onkeydown='if(event.key==%22Enter%22)document.title=this.value'>\
    <button data-testid=bad onclick='nowhere()'>Bad</button>";

#[tokio::test]
async fn clicks_and_keys_arrive_and_what_goes_wrong_is_told() -> Result<()> {
    let browser = Browser::start().await?;
    let tab = browser.tab(PAGE).await?;

    assert_eq!(tab.text("on").await?.as_deref(), Some("On"));
    assert_eq!(tab.text("missing").await?, None);
    assert!(!tab.click_if_offered("off").await?, "a disabled button cannot be clicked");
    tab.click("on", LIMIT).await?;
    tab.wait_for("document.title === 'On'", LIMIT).await?;

    tab.click("field", LIMIT).await?;
    tab.type_text("pass 10").await?;
    tab.press("Enter").await?;
    tab.wait_for("document.title === 'pass 10'", LIMIT).await?;
    tab.assert_no_complaints()?;

    tab.resize(PHONE).await?;
    assert_eq!(tab.eval("innerWidth").await?, PHONE.width);
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("sub/page.png");
    tab.picture(&file).await?;
    let png = std::fs::read(&file)?;
    assert!(png.starts_with(b"\x89PNG"));

    tab.click("bad", LIMIT).await?;
    tab.wait_for("true", LIMIT).await?;
    let complaint = tab.assert_no_complaints().unwrap_err().to_string();
    assert!(complaint.contains("nowhere is not defined"), "{complaint}");
    tab.close().await
}

#[tokio::test]
async fn two_tabs_share_nothing() -> Result<()> {
    let browser = Browser::start().await?;
    let (one, two) = (browser.tab(PAGE).await?, browser.tab(PAGE).await?);
    one.eval("document.title = 'one'").await?;
    assert_eq!(two.eval("document.title").await?, "");
    let frames = "new Promise(done => requestAnimationFrame(() => done(true)))";
    one.wait_for(frames, LIMIT).await?;
    two.wait_for(frames, LIMIT).await?;
    Ok(())
}
