//! The platform's errors as sentences that say what to do.
//!
//! The libraries hand D-Bus errors on as text, so this looks for names in it. What it does not
//! know is shown as it came.

/// Why the Bluetooth service could not be asked.
pub fn service(error: &str) -> String {
    let has = |name: &str| error.contains(name);
    if has("AccessDenied") || has("NotAuthorized") || has("Permission denied") {
        "this program may not use Bluetooth; run it as a user of the desktop session or of the \
         group `bluetooth`"
            .to_owned()
    } else if has("ServiceUnknown") || has("NameHasNoOwner") {
        "no Bluetooth service runs; install and start BlueZ (`systemctl start bluetooth`)"
            .to_owned()
    } else if has("Failed to connect to socket") || has("FileNotFound") || has("NoServer") {
        "this system has no D-Bus system bus, through which Bluetooth is used".to_owned()
    } else {
        format!("the Bluetooth service does not answer as expected: {}", first_line(error))
    }
}

/// Why a device could not be connected to.
pub fn connect(error: &str) -> String {
    let has = |name: &str| error.contains(name);
    if has("le-connection-abort-by-local") || has("br-connection") || has("page-timeout") {
        "it does not answer; it may be out of reach".to_owned()
    } else if has("InProgress") || has("In Progress") {
        "the adapter is busy with another connection".to_owned()
    } else if has("NotReady") {
        "the Bluetooth adapter is off".to_owned()
    } else if has("UnknownObject") || has("DoesNotExist") || has("Device not found") {
        "it has not been heard lately".to_owned()
    } else if has("NoReply") || has("Timeout") || has("timed out") {
        "it did not answer in time".to_owned()
    } else {
        first_line(error)
    }
}

/// Whether the adapter is only busy: another try may do.
pub fn is_busy(error: &str) -> bool {
    error.contains("InProgress") || error.contains("In Progress")
}

/// Two that dialled each other share one connection.
pub fn is_connected_already(error: &str) -> bool {
    error.contains("AlreadyConnected") || error.contains("Already Connected")
}

fn first_line(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    let mut end = line.len().min(200);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_sentences_that_say_what_to_do() {
        for (error, part) in [
            ("org.freedesktop.DBus.Error.AccessDenied", "group `bluetooth`"),
            ("org.freedesktop.DBus.Error.ServiceUnknown: not provided", "systemctl"),
            ("Failed to connect to socket /run/dbus/system_bus_socket", "no D-Bus"),
            ("something new\nand more", "as expected: something new"),
        ] {
            assert!(service(error).contains(part), "{error}: {}", service(error));
            assert!(!service(error).contains('\n'));
        }
        assert!(connect("org.bluez.Error.Failed: le-connection-abort-by-local").contains("reach"));
        assert_eq!(connect("odd"), "odd");
        assert!(connect(&"ä".repeat(200)).len() <= 200);
        assert!(is_busy("org.bluez.Error.InProgress") && !is_busy("Failed"));
        assert!(is_connected_already("org.bluez.Error.AlreadyConnected"));
    }
}
