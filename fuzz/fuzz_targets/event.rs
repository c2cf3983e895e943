//! Reads arbitrary bodies as events. Each is refused as malformed, or gives an event that has this body and equals a second reading of it.
#![no_main]

use headcount::{Event, Reason};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match Event::from_verified_body(body) {
        Ok(event) => {
            assert!(!event.id().is_empty());
            assert_eq!(event.body(), body);
            assert_eq!(Event::from_verified_body(event.body()).expect("the same body"), event);
            if let Err(error) = event.decode() {
                assert_eq!(error.reason(), Some(Reason::MalformedEvent));
            }
            let _ = format!("{event:?}");
        }
        Err(error) => assert_eq!(error.reason(), Some(Reason::MalformedEvent)),
    }
});
