//! A generated module: definitions of types, and how the program holds values of the first one.

/// A type in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// One that std has and that holds no other, as it is written.
    Plain(&'static str),
    /// A container of one type.
    Of(Container, Box<Type>),
    Array(Box<Type>, usize),
    Pair(Box<(Type, Type)>),
    /// The type parameter of the item around it.
    Param,
    /// A definition of the module by its index, with its type argument; a trait as `Box<dyn _>`.
    Item(usize, Option<Box<Type>>),
}

/// What one type can be put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Option,
    Box,
    Vec,
    Rc,
    /// `&'static _`
    Ref,
}

/// A named part: a field, a variant or a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Stays when the field is renamed.
    pub id: u32,
    pub name: String,
    pub of: Type,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Stays when the variant is renamed.
    pub id: u32,
    pub name: String,
    pub discriminant: Option<i64>,
    pub fields: Fields,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Whether they are told by place and not by name.
    pub tuple: bool,
    pub list: Vec<Field>,
}

impl Fields {
    /// What tells a field from its neighbours in the source.
    pub fn key(&self, index: usize) -> String {
        if self.tuple { index.to_string() } else { self.list[index].name.clone() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    pub name: String,
    /// Type of its parameter: one without a lifetime.
    pub takes: &'static str,
    pub gives: &'static str,
    /// Number that its body gives.
    pub number: u32,
    /// Has its body in the trait.
    pub provided: bool,
    /// `where Self: Sized`: not in the table of methods.
    pub sized: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Struct(Fields),
    Enum(Vec<Variant>),
    /// All fields are plain and `Copy`.
    Union(Fields),
    Trait {
        methods: Vec<Method>,
        /// Whether it has a supertrait.
        based: bool,
        /// Fields of the struct that implements it.
        fields: Fields,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub name: String,
    pub kind: Kind,
    pub repr: Option<&'static str>,
    /// Whether it has a type parameter.
    pub generic: bool,
    pub derives_clone: bool,
}

impl Item {
    /// All lists of fields in it.
    pub fn lists(&self) -> Vec<&Fields> {
        match &self.kind {
            Kind::Struct(fields) | Kind::Union(fields) | Kind::Trait { fields, .. } => {
                vec![fields]
            }
            Kind::Enum(variants) => variants.iter().map(|variant| &variant.fields).collect(),
        }
    }

    /// The same, to be changed.
    pub fn lists_mut(&mut self) -> Vec<&mut Fields> {
        match &mut self.kind {
            Kind::Struct(fields) | Kind::Union(fields) | Kind::Trait { fields, .. } => {
                vec![fields]
            }
            Kind::Enum(variants) => {
                variants.iter_mut().map(|variant| &mut variant.fields).collect()
            }
        }
    }

    /// Whether it is an enum without any payload.
    pub fn is_fieldless(&self) -> bool {
        matches!(self.kind, Kind::Enum(_)) && self.lists().iter().all(|list| list.list.is_empty())
    }
}

/// Where the program keeps its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An array in a local of main.
    Local,
    /// An array of `Option`s in a local of main: the type's niche counts.
    Options,
    Vec,
    Boxes,
    /// `Vec<Box<dyn Any>>`
    Any,
    Static,
    ThreadLocal,
}

/// One generated module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The first is the one that values are made of. An item uses later ones only.
    pub items: Vec<Item>,
    pub holder: Holder,
    /// Code that nothing of the others depends on.
    pub extra: String,
}

impl Type {
    /// This type where the parameter stands for `argument`.
    pub fn with(&self, argument: Option<&Type>) -> Type {
        let inner = |of: &Type| Box::new(of.with(argument));
        match self {
            Self::Plain(_) => self.clone(),
            Self::Of(container, of) => Self::Of(*container, inner(of)),
            Self::Array(of, len) => Self::Array(inner(of), *len),
            Self::Pair(of) => Self::Pair(Box::new((of.0.with(argument), of.1.with(argument)))),
            Self::Param => argument.cloned().unwrap_or(Self::Param),
            Self::Item(item, of) => Self::Item(*item, of.as_ref().map(|of| inner(of))),
        }
    }

    /// Whether `found` is true of this type or of one inside it.
    pub fn any(&self, found: &mut dyn FnMut(&Type) -> bool) -> bool {
        found(self)
            || match self {
                Self::Plain(_) | Self::Param => false,
                Self::Of(_, of) | Self::Array(of, _) => of.any(found),
                Self::Pair(of) => of.0.any(found) || of.1.any(found),
                Self::Item(_, of) => of.as_ref().is_some_and(|of| of.any(found)),
            }
    }
}
