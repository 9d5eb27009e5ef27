//! What the tests of decisions generate.

#[path = "../../tests/pure/decide_properties/generate/mod.rs"]
pub mod generate;
#[path = "../../tests/pure/decide_properties/worlds/mod.rs"]
#[expect(dead_code, unused_imports, reason = "stories take more of it")]
pub mod worlds;
