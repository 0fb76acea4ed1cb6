//! Every detector that comes with the host loads, and imports nothing but the contract.

use leeway::builtin;

use crate::harness::{hostile, plugin};

#[test]
fn every_builtin_detector_is_what_its_name_says() {
    for builtin in builtin::ALL {
        assert_eq!(plugin(builtin.name).descriptor().name, builtin.name);
    }
    assert_eq!(
        hostile(leeway::runtime::Limits::default())
            .descriptor()
            .name,
        "hostile"
    );
}
