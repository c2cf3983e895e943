//! What people and groups are called, in several scripts, and a seeded source of choices among it.

/// Names as their owners write them, with a spelling for addresses: (given, family, given in ASCII, family in ASCII).
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

/// Groups as companies have them.
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

/// Companies.
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

/// Where companies buy their directories.
pub(crate) const PROVIDERS: &[&str] = &["OKTA", "MICROSOFT_AD", "GOOGLE", "JUMPCLOUD", "ONELOGIN", "PING_IDENTITY"];

/// SplitMix64: a few lines that give the same numbers on every machine.
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(seed: u64) -> Seed {
        Seed(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(crate) fn choose<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len())).copied()
    }

    pub(crate) fn bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        std::array::from_fn(|_| self.next() as u8)
    }
}
