use super::*;

fn parsed(text: &str, records: &[&str], unions: &[&str]) -> Result<Definitions, String> {
    parse(&[("core/src/record/example.rs".to_owned(), text.to_owned())], records, unions)
}

const EVERY_TYPE: &str = r#"
    named! {
        /// What it is.
        Kind {
            /// The first one.
            First = "kind.first",
            /// The second one.
            Second: 7 = "kind.second",
        }
    }
    open_enum! {
        /// Where it is.
        Region { /// Europe.
            Eu = "EU", }
    }
    /// Inside.
    pub struct Inner { /// A name.
        pub name: String }
    /// One or the other.
    pub enum Either {
        /// The inner one.
        Inner(Box<Inner>),
    }
    /// Has a field of each type.
    ///
    /// In two paragraphs.
    #[derive(Clone)]
    pub struct Everything<'a> {
        /// A text.
        pub text: String,
        pub borrowed: &'a str,
        pub method: &'a Method,
        pub flag: bool,
        pub number: i64,
        pub small: u32,
        pub size: usize,
        pub share: f64,
        pub at: Timestamp,
        pub json: RawJson,
        pub wait: Duration,
        pub kind: Kind,
        pub region: Region,
        pub inner: Inner,
        pub either: Either,
        pub error: Option<Error>,
        pub list: Vec<String>,
        pub optional_list: Option<Vec<Inner>>,
        pub boxed: Option<Box<Inner>>,
        pub map: BTreeMap<String, String>,
    }
"#;

fn type_of(definitions: &Definitions, field: &str) -> Type {
    let record = definitions.record("Everything").unwrap();
    record.fields.iter().find(|one| one.name == field).unwrap().ty.clone()
}

#[test]
fn reads_a_field_of_each_type() {
    let read = parsed(EVERY_TYPE, &["Everything", "Inner"], &["Either"]).unwrap();
    assert_eq!(read.records.len(), 2);
    for (field, expected) in [
        ("text", Type::Text),
        ("borrowed", Type::Text),
        ("method", Type::Text),
        ("flag", Type::Bool),
        ("number", Type::Int { signed: true, bits: 64 }),
        ("small", Type::Int { signed: false, bits: 32 }),
        ("size", Type::Int { signed: false, bits: 64 }),
        ("share", Type::Float),
        ("at", Type::Timestamp),
        ("json", Type::Json),
        ("wait", Type::Duration),
        ("kind", Type::Enum { name: "Kind".to_owned(), open: false }),
        ("region", Type::Enum { name: "Region".to_owned(), open: true }),
        ("inner", Type::Record("Inner".to_owned())),
        ("either", Type::Union("Either".to_owned())),
        ("error", Type::Optional(Box::new(Type::Error))),
        ("list", Type::List(Box::new(Type::Text))),
        ("optional_list", Type::Optional(Box::new(Type::List(Box::new(Type::Record("Inner".to_owned())))))),
        ("boxed", Type::Optional(Box::new(Type::Record("Inner".to_owned())))),
        ("map", Type::Map),
    ] {
        assert_eq!(type_of(&read, field), expected, "{field}");
    }
}

#[test]
fn reads_doc_comments_with_their_paragraphs() {
    let read = parsed(EVERY_TYPE, &["Everything", "Inner"], &["Either"]).unwrap();
    let record = read.record("Everything").unwrap();
    assert_eq!(record.doc, "Has a field of each type.\n\nIn two paragraphs.");
    assert_eq!(record.file, "core/src/record/example.rs");
    assert_eq!(record.fields.first().unwrap().doc, "A text.");
    assert_eq!(read.union("Either").unwrap().variants.first().unwrap().doc, "The inner one.");
}

#[test]
fn reads_members_of_enums_with_their_numbers() {
    let read = parsed(EVERY_TYPE, &["Inner"], &[]).unwrap();
    let kind = read.enumeration("Kind").unwrap();
    assert!(!kind.open);
    assert_eq!(kind.doc, "What it is.");
    let [first, second] = kind.members.as_slice() else { panic!("expected two members") };
    assert_eq!(first.variant, "First");
    assert_eq!(first.name, "kind.first");
    assert_eq!(first.number, None);
    assert_eq!(second.number, Some(7));
    assert!(read.enumeration("Region").unwrap().open);
}

#[test]
fn reads_numbers_and_classes_of_error_kinds() {
    let text = r#"error_kinds! {
        /// What kind.
        #[repr(u8)]
        ErrorKind {
            /// A setting.
            Config = 1, "config", "ConfigError";
            /// An argument.
            InvalidArgument = 2, "invalid_argument", "InvalidArgumentError";
        }
    }"#;
    let read = parsed(text, &[], &[]).unwrap();
    let [config, argument] = read.enumeration("ErrorKind").unwrap().members.as_slice() else {
        panic!("expected two members")
    };
    assert_eq!(config.number, Some(1));
    assert_eq!(config.class.as_deref(), Some("ConfigError"));
    assert_eq!(argument.name, "invalid_argument");
    assert_eq!(argument.doc, "An argument.");
}

#[test]
fn an_unknown_type_is_an_error_that_names_file_and_field() {
    let error = parsed("pub struct Row { pub id: String, pub cells: BTreeSet<i64> }", &["Row"], &[]).unwrap_err();
    assert!(error.starts_with("core/src/record/example.rs: Row.cells: "), "{error}");
    let error = parsed("pub struct Row { pub cell: Cell }", &["Row"], &[]).unwrap_err();
    assert!(error.starts_with("core/src/record/example.rs: Row.cell: type `Cell` is not supported"), "{error}");
}

#[test]
fn a_record_with_a_private_field_is_an_error() {
    let error = parsed("pub struct Row { id: String }", &["Row"], &[]).unwrap_err();
    assert_eq!(error, "core/src/record/example.rs: Row.id is not public: a record has public fields only");
}

#[test]
fn a_record_that_is_not_defined_is_an_error() {
    let error = parsed("", &["Row"], &[]).unwrap_err();
    assert!(error.contains("Row is defined 0 times"), "{error}");
}

#[test]
fn reads_defaults_and_constants() {
    let text = r#"
        /// How long.
        pub const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);
        pub struct Limits { pub users: u64, pub share: f64, pub events: bool, pub wait: Duration, pub keep: Duration, pub bytes: usize }
        impl Limits {
            /// How many.
            pub const CAPACITY: usize = 100_000;
        }
        impl Default for Limits {
            fn default() -> Limits {
                Limits { users: 20, share: 0.1, events: true, wait: Duration::from_millis(250), keep: RETENTION, bytes: 8 << 20 }
            }
        }
    "#;
    let read = parsed(text, &["Limits"], &[]).unwrap();
    let defaults: Vec<_> = read.record("Limits").unwrap().fields.iter().map(|field| field.default.as_deref()).collect();
    assert_eq!(defaults, ["20", "0.1", "true", "250 ms", "259200 s", "8388608"].map(Some));
    assert_eq!(read.constants.get("RETENTION").unwrap().doc, "How long.");
    assert_eq!(read.constants.get("Limits::CAPACITY").unwrap().value, "100000");
    assert_eq!(read.defaults.get("Limits.users").unwrap(), "20");
}

#[test]
fn reads_the_records_of_this_repository_and_all_their_fields_are_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = read(root).unwrap();
    let undocumented: Vec<_> = read
        .records
        .iter()
        .flat_map(|record| {
            record.fields.iter().filter(|field| field.doc.is_empty()).map(move |field| (&record.name, &field.name))
        })
        .collect();
    assert_eq!(undocumented, [], "every field of a record has a doc comment");
    assert_eq!(read.record("GuardSettings").unwrap().fields.first().unwrap().default.as_deref(), Some("20"));
    assert!(read.events.iter().any(|event| event.name == "user.login" && event.data == "SessionData"));
}
