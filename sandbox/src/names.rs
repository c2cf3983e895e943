//! Names of people, groups and companies in several scripts, for generated data.

/// People: (given name, family name, given name for email addresses, family name for email addresses).
pub(crate) const PEOPLE: &[(&str, &str, &str, &str)] = &[
    ("Ada", "Lovelace", "ada", "lovelace"),
    ("Grace", "Hopper", "grace", "hopper"),
    ("Zoë", "Müller", "zoe", "mueller"),
    ("José", "García Márquez", "jose", "garcia"),
    ("Siobhán", "O’Connor", "siobhan", "oconnor"),
    ("Łukasz", "Wiśniewski", "lukasz", "wisniewski"),
    ("Åsa", "Öberg", "asa", "oberg"),
    ("François", "Lefèvre", "francois", "lefevre"),
    ("Nguyễn", "Thị Minh", "nguyen", "minh"),
    ("Елена", "Соколова", "elena", "sokolova"),
    ("Дмитро", "Шевченко", "dmytro", "shevchenko"),
    ("Ελένη", "Παπαδοπούλου", "eleni", "papadopoulou"),
    ("Γιώργος", "Νικολάου", "giorgos", "nikolaou"),
    ("秀英", "王", "xiuying", "wang"),
    ("伟", "李", "wei", "li"),
    ("さくら", "田中", "sakura", "tanaka"),
    ("蓮", "高橋", "ren", "takahashi"),
    ("민준", "김", "minjun", "kim"),
    ("서연", "박", "seoyeon", "park"),
    ("محمد", "الأحمد", "mohammed", "alahmad"),
    ("فاطمة", "حسن", "fatima", "hassan"),
    ("נועה", "לוי", "noa", "levi"),
    ("प्रिया", "शर्मा", "priya", "sharma"),
    ("अर्जुन", "पटेल", "arjun", "patel"),
    ("สมชาย", "ใจดี", "somchai", "jaidee"),
    ("ნინო", "ბერიძე", "nino", "beridze"),
    ("Արամ", "Պետրոսյան", "aram", "petrosyan"),
    ("Chidi", "Okonkwo", "chidi", "okonkwo"),
    ("Wanjiru", "Kamau", "wanjiru", "kamau"),
    ("Kai", "Nakamura", "kai", "nakamura"),
];

/// Display names of groups.
pub(crate) const GROUPS: &[&str] = &[
    "Engineering",
    "Sales",
    "Finance",
    "Support",
    "Marketing",
    "Legal",
    "Operations",
    "Design",
    "Security",
    "People & Culture",
    "Vertrieb DACH",
    "Opérations",
    "開発部",
    "Администраторы",
    "Contractors",
];

/// Display names of organizations.
pub(crate) const COMPANIES: &[&str] = &[
    "Acme",
    "Megasoft",
    "Nordwind Logistik",
    "Sakura Foods 株式会社",
    "Estación Central",
    "Baltic Timber",
    "Ακρόπολις Media",
    "Tata & Daughters",
    "Kilimanjaro Coffee",
    "Østersøen Energi",
];

/// Job titles.
pub(crate) const TITLES: &[&str] = &[
    "Engineer",
    "Senior Engineer",
    "Account Executive",
    "Controller",
    "Support Specialist",
    "Designer",
    "Counsel",
    "Team Lead",
];

/// The contract's identifiers of directory providers.
pub(crate) const PROVIDERS: &[&str] = &["OKTA", "MICROSOFT_AD", "GOOGLE", "JUMPCLOUD", "ONELOGIN", "PING_IDENTITY"];
