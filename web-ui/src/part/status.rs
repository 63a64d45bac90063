//! The face of the connection, in one line at the top; who we are stands beside it.

use crate::{model::connection::Connection, picture::Picture};
use yew::{Html, classes, html};

pub fn line(picture: &Picture) -> Html {
    let word = picture.connection.word();
    let label = match &picture.connection {
        Connection::Joined { through, .. } => ["Joined through ", through].concat(),
        Connection::Connecting { .. } => "Connecting…".to_owned(),
        Connection::Reconnecting { .. } => "Reconnecting…".to_owned(),
        Connection::Refused { .. } => "No connection".to_owned(),
        Connection::Offline { .. } => "Offline".to_owned(),
    };
    let id = picture.view.peer_id;
    html! {
        <details class="status">
            <summary class={classes!("pill", word)}>
                <span class="lamp" aria-hidden="true"></span>
                <span role="status" data-testid="join-state" data-state={word}>{ label }</span>
            </summary>
            <div class="status-card">
                <p data-testid="join-sentence">{ picture.connection.sentence(&picture.home) }</p>
                <p>
                    { "You are " }<strong>{ picture.view.name.clone() }</strong>{ ", peer " }
                    <code class="hash" data-testid="peer-id">{ id.to_string() }</code>
                </p>
            </div>
        </details>
    }
}
