//! Records of first calls in a linked patch.

use hotdev_cli::elf::calls;
use hotdev_cli::elf::image::Image;
use hotdev_protocol::Records;

use crate::compile::{compile, link};

const SOURCE: &str = "
#[no_mangle] pub extern \"C\" fn first() -> u32 { 1 }
#[no_mangle] pub extern \"C\" fn second() -> u32 { 2 }
";

fn bare() -> Vec<u8> {
    compile(SOURCE, &["--crate-type=lib", "-Cdebug-assertions=off"])
}

fn word(bytes: &[u8], image: &Image, place: u64) -> u64 {
    let offset = image.file_offset(place).expect("it is in the file");
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("eight bytes"))
}

#[test]
fn each_record_leads_to_its_function_and_the_entry_is_what_others_see() {
    let functions = ["second", "no_such", "first"].map(str::to_owned);
    let records = calls::object(functions.len()).expect("an object");
    let mut bytes = link(&[bare(), records], &["-zundefs"]);
    let watched = calls::fill(&mut bytes, &functions).expect("records");
    assert_eq!(watched.functions, ["second", "", "first"]);
    let mut image = Image::parse(&bytes).expect("an image");
    let table = watched.records.expect("a table");
    for (index, name) in [(0, "second"), (2, "first")] {
        let record = table.offset as u64 + index * Records::SIZE;
        let distance = word(&bytes, &image, record + Records::DISTANCE);
        assert_eq!(record.wrapping_add(distance), image.exports[name].place);
        assert_eq!(word(&bytes, &image, record + Records::CALLED), 0);
    }
    assert_eq!(word(&bytes, &image, table.offset as u64 + Records::SIZE + Records::DISTANCE), 0);
    let first = image.exports["first"].place;
    watched.lead_in(&mut image);
    assert_ne!(image.exports["first"].place, first);
    assert_eq!(image.exports["first"].place, table.entries as u64 + 2 * Records::ENTRY);
    assert!(image.slots.contains_key("hotdev_called"));
    assert!(image.statics.keys().all(|name| !name.contains("hotdev")));
}

#[test]
fn without_functions_there_is_no_table() {
    let mut bytes = link(&[bare()], &["-zundefs"]);
    assert_eq!(calls::fill(&mut bytes, &[]).expect("nothing to do"), calls::Watched::default());
    assert!(calls::fill(&mut bytes, &["first".into()]).is_err());
}
