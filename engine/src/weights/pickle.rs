//! Pickles, read as data: the stack machine of Python's format up to protocol 5, without its one dangerous part.
//!
//! A pickle is a program, and Python runs it: it may call whatever function it names. Here a call is only noted,
//! as "this name with these arguments"; what that means is `torch`'s, and for all but a few names it means nothing.
//! Every instruction takes at least one byte and makes at most one node, so memory is bounded by the input, and
//! nodes are referred to by number, so a structure that contains itself does no harm.

use std::collections::HashMap;

/// The number of a node.
pub(super) type Id = usize;

/// A thing that a pickle describes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// None, a number that is none of ours, raw bytes: all that needs no name here.
    Other,
    Bool(bool),
    Int(i64),
    Text(String),
    /// An integer too long for 64 bits: its bytes, lowest first.
    Long(Vec<u8>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function by its name, module first: never looked up.
    Name(String),
    /// A call that is not made, and what was put into its result afterwards.
    Call {
        name: Id,
        arguments: Id,
        items: Vec<(Id, Id)>,
        state: Option<Id>,
    },
    /// Something that lies outside of the pickle, as its key says.
    Outside(Id),
}

/// What a pickle describes, and where the input went on.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    /// The node that the pickle is.
    pub root: Id,
    /// Bytes read.
    pub len: usize,
}

impl Pickle {
    /// Reads one pickle at the start of `bytes`.
    ///
    /// # Errors
    /// In a few words, why this is none.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut machine = Machine { input: Input { bytes, at: 0 }, nodes: Vec::new(), stack: Vec::new(), memo: HashMap::new() };
        let root = machine.run()?;
        Ok(Self { len: machine.input.at, nodes: machine.nodes, root })
    }

    /// How many things it describes.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    pub fn node(&self, id: Id) -> &Node {
        self.nodes.get(id).unwrap_or(&Node::Other)
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        if let Node::Text(text) = self.node(id) { Some(text) } else { None }
    }

    pub fn name(&self, id: Id) -> Option<&str> {
        if let Node::Name(name) = self.node(id) { Some(name) } else { None }
    }

    pub fn integer(&self, id: Id) -> Option<i64> {
        if let Node::Int(value) = self.node(id) { Some(*value) } else { None }
    }

    /// The members of a tuple or list.
    pub fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(members) | Node::List(members) => Some(members),
            _ => None,
        }
    }

    /// The pairs of a dictionary of any class; of another object those of its state.
    pub fn pairs(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.node(id) {
            Node::Dict(pairs) => Some(pairs),
            Node::Call { items, .. } if !items.is_empty() => Some(items),
            Node::Call { state: Some(state), .. } if matches!(self.node(*state), Node::Dict(_)) => self.pairs(*state),
            Node::Call { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The value of a key in a dictionary.
    pub fn get(&self, dict: Id, key: &str) -> Option<Id> {
        self.pairs(dict)?.iter().find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| *value)
    }
}

/// The bytes that are left.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.bytes.len()).ok_or("the pickle is cut short")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// An unsigned number of `len` bytes, the lowest first.
    fn number(&mut self, len: usize) -> Result<usize, String> {
        let value = self.take(len)?.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        usize::try_from(value).map_err(|_| "the pickle holds a length that no file has".to_owned())
    }

    /// The rest of a line.
    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&byte| byte == b'\n').ok_or("the pickle is cut short")?;
        let line = String::from_utf8_lossy(self.take(len)?).into_owned();
        self.at += 1;
        Ok(line)
    }

    fn text(&mut self, len: usize) -> Result<Node, String> {
        self.take(len).map(|bytes| Node::Text(String::from_utf8_lossy(bytes).into_owned()))
    }
}

/// What lies on the stack.
#[derive(Clone, Copy)]
enum Item {
    Node(Id),
    Mark,
}

struct Machine<'a> {
    input: Input<'a>,
    nodes: Vec<Node>,
    stack: Vec<Item>,
    memo: HashMap<usize, Id>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Id, String> {
        loop {
            let code = self.input.byte()?;
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
    }

    fn push(&mut self, node: Node) {
        self.stack.push(Item::Node(self.nodes.len()));
        self.nodes.push(node);
    }

    fn pop(&mut self) -> Result<Id, String> {
        match self.stack.pop() {
            Some(Item::Node(id)) => Ok(id),
            _ => Err("the pickle takes what it has not put".to_owned()),
        }
    }

    /// The node on top, which stays there.
    fn top(&self) -> Result<Id, String> {
        match self.stack.last() {
            Some(Item::Node(id)) => Ok(*id),
            _ => Err("the pickle takes what it has not put".to_owned()),
        }
    }

    /// All above the last mark; the mark goes too.
    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.stack.iter().rposition(|item| matches!(item, Item::Mark)).ok_or("the pickle lacks a mark")?;
        let above = self.stack.drain(mark..).skip(1);
        Ok(above.filter_map(|item| if let Item::Node(id) = item { Some(id) } else { None }).collect())
    }

    fn pop_tuple(&mut self, count: usize) -> Result<Vec<Id>, String> {
        let mut members = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        members.reverse();
        Ok(members)
    }

    fn step(&mut self, code: u8) -> Result<(), String> {
        match code {
            // What says something about the pickle itself.
            0x80 => self.input.take(1).map(|_| ()),
            0x95 => self.input.take(8).map(|_| ()),
            b'(' | b'0' | b'1' | b'2' => self.step_stack(code),
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.step_memo(code),
            b't' | 0x85..=0x87 | b')' | b']' | b'}' | b'l' | b'd' | 0x8f | 0x91 => self.step_collection(code),
            b'a' | b'e' | b's' | b'u' | 0x90 | b'b' => self.step_fill(code),
            b'c' | 0x93 | b'R' | 0x81 | 0x92 | b'i' | b'o' | b'P' | b'Q' | 0x82..=0x84 => self.step_name(code),
            _ => {
                let node = self.scalar(code)?;
                self.push(node);
                Ok(())
            }
        }
    }

    fn step_stack(&mut self, code: u8) -> Result<(), String> {
        match code {
            b'(' => self.stack.push(Item::Mark),
            b'0' => drop(self.stack.pop()),
            b'1' => drop(self.pop_to_mark()?),
            _ => self.stack.push(Item::Node(self.top()?)),
        }
        Ok(())
    }

    fn step_memo(&mut self, code: u8) -> Result<(), String> {
        let parse = |line: String| line.parse::<usize>().map_err(|_| "the pickle holds a bad number".to_owned());
        let place = match code {
            b'p' | b'g' => parse(self.input.line()?)?,
            b'q' | b'h' => self.input.number(1)?,
            b'r' | b'j' => self.input.number(4)?,
            _ => self.memo.len(),
        };
        if matches!(code, b'g' | b'h' | b'j') {
            let id = *self.memo.get(&place).ok_or("the pickle recalls what it has not kept")?;
            self.stack.push(Item::Node(id));
        } else {
            self.memo.insert(place, self.top()?);
        }
        Ok(())
    }

    fn step_collection(&mut self, code: u8) -> Result<(), String> {
        let node = match code {
            b't' => Node::Tuple(self.pop_to_mark()?),
            0x85..=0x87 => Node::Tuple(self.pop_tuple(usize::from(code) - 0x84)?),
            b')' => Node::Tuple(Vec::new()),
            b'd' => Node::Dict(pairs(&self.pop_to_mark()?)?),
            b'}' => Node::Dict(Vec::new()),
            b'l' | 0x91 => Node::List(self.pop_to_mark()?),
            _ => Node::List(Vec::new()),
        };
        self.push(node);
        Ok(())
    }

    fn step_fill(&mut self, code: u8) -> Result<(), String> {
        let taken = match code {
            b'a' | b'b' => vec![self.pop()?],
            b's' => self.pop_tuple(2)?,
            _ => self.pop_to_mark()?,
        };
        let into = self.top()?;
        match (code, &mut self.nodes[into]) {
            (b's' | b'u', Node::Dict(items) | Node::Call { items, .. }) => items.extend(pairs(&taken)?),
            (b'a' | b'e' | 0x90, Node::List(members)) => members.extend(taken),
            (b'b', Node::Call { state, .. }) => *state = taken.first().copied(),
            // What is put into a thing that is none of ours is none of ours.
            _ => {}
        }
        Ok(())
    }

    fn step_name(&mut self, code: u8) -> Result<(), String> {
        let node = match code {
            b'c' => Node::Name(format!("{} {}", self.input.line()?, self.input.line()?)),
            0x93 => {
                let [name, module] = [self.pop()?, self.pop()?].map(|id| match &self.nodes[id] {
                    Node::Text(text) => text.clone(),
                    _ => String::new(),
                });
                Node::Name(format!("{module} {name}"))
            }
            b'R' | 0x81 => {
                let [arguments, name] = [self.pop()?, self.pop()?];
                call(name, arguments)
            }
            0x92 => {
                let [_, arguments, name] = [self.pop()?, self.pop()?, self.pop()?];
                call(name, arguments)
            }
            b'i' | b'o' => return self.step_old_object(code),
            b'P' => {
                let key = self.input.line()?;
                self.push(Node::Text(key));
                Node::Outside(self.pop()?)
            }
            b'Q' => Node::Outside(self.pop()?),
            _ => {
                self.input.take(1 << (code - 0x82))?;
                Node::Other
            }
        };
        self.push(node);
        Ok(())
    }

    fn step_old_object(&mut self, code: u8) -> Result<(), String> {
        let named = if code == b'i' { Some(format!("{} {}", self.input.line()?, self.input.line()?)) } else { None };
        let mut above = self.pop_to_mark()?;
        if let Some(name) = named {
            self.push(Node::Name(name));
            above.insert(0, self.pop()?);
        }
        let name = *above.first().ok_or("the pickle makes an object of no class")?;
        self.push(Node::Tuple(above.split_off(1)));
        let arguments = self.pop()?;
        self.push(call(name, arguments));
        Ok(())
    }

    /// A thing without parts.
    fn scalar(&mut self, code: u8) -> Result<Node, String> {
        let input = &mut self.input;
        Ok(match code {
            b'N' => Node::Other,
            0x88 | 0x89 => Node::Bool(code == 0x88),
            b'K' => Node::Int(input.number(1)? as i64),
            b'M' => Node::Int(input.number(2)? as i64),
            b'J' => Node::Int(i64::from(input.number(4)? as u32 as i32)),
            b'I' | b'L' => line_integer(&input.line()?),
            0x8a => long(input.byte()?.into(), input)?,
            0x8b => long(input.number(4)?, input)?,
            b'F' => input.line().map(|_| Node::Other)?,
            b'G' => input.take(8).map(|_| Node::Other)?,
            b'V' | b'S' => Node::Text(input.line()?.trim_matches(['\'', '"']).to_owned()),
            b'X' | b'T' => input.number(4).and_then(|len| input.text(len))?,
            0x8c | b'U' => input.number(1).and_then(|len| input.text(len))?,
            0x8d => input.number(8).and_then(|len| input.text(len))?,
            b'C' => input.number(1).and_then(|len| input.take(len)).map(|_| Node::Other)?,
            b'B' => input.number(4).and_then(|len| input.take(len)).map(|_| Node::Other)?,
            0x8e | 0x96 => input.number(8).and_then(|len| input.take(len)).map(|_| Node::Other)?,
            0x97 => Node::Other,
            other => return Err(format!("the pickle holds an unknown instruction ({other:#04x})")),
        })
    }
}

fn call(name: Id, arguments: Id) -> Node {
    Node::Call { name, arguments, items: Vec::new(), state: None }
}

fn pairs(flat: &[Id]) -> Result<Vec<(Id, Id)>, String> {
    if !flat.len().is_multiple_of(2) {
        return Err("the pickle holds a key without a value".to_owned());
    }
    Ok(flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

fn line_integer(line: &str) -> Node {
    match line.trim_end_matches('L') {
        "00" => Node::Bool(false),
        "01" => Node::Bool(true),
        digits => digits.parse().map_or(Node::Other, Node::Int),
    }
}

fn long(len: usize, input: &mut Input<'_>) -> Result<Node, String> {
    let bytes = input.take(len)?;
    if len > 8 {
        return Ok(Node::Long(bytes.to_vec()));
    }
    let fill = if bytes.last().is_some_and(|&high| high >= 0x80) { 0xff } else { 0 };
    let mut wide = [fill; 8];
    wide[..len].copy_from_slice(bytes);
    Ok(Node::Int(i64::from_le_bytes(wide)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_dictionary_with_shared_and_nested_parts_is_read() {
        // {"a": (1, -2), "b": [300], "c": <the same list>}
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01J\xfe\xff\xff\xff\x86X\x01\x00\x00\x00b]q\x01M\x2c\x01aX\x01\x00\x00\x00ch\x01u.";
        let pickle = Pickle::read(bytes).unwrap();
        assert_eq!(pickle.len, bytes.len());
        let get = |key| pickle.sequence(pickle.get(pickle.root, key).unwrap()).unwrap();
        let numbers = |ids: &[Id]| ids.iter().map(|&id| pickle.integer(id).unwrap()).collect::<Vec<_>>();
        assert_eq!(numbers(get("a")), [1, -2]);
        assert_eq!(numbers(get("b")), [300]);
        assert_eq!(get("b"), get("c"));
    }

    #[test]
    fn a_call_is_noted_and_not_made() {
        let pickle = Pickle::read(b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.").unwrap();
        let Node::Call { name, arguments, .. } = pickle.node(pickle.root) else { panic!("no call") };
        assert_eq!(pickle.name(*name), Some("os system"));
        assert_eq!(pickle.text(pickle.sequence(*arguments).unwrap()[0]), Some("touch /tmp/pwned"));
    }

    #[test]
    fn a_list_that_holds_itself_is_read() {
        let pickle = Pickle::read(b"]q\x00h\x00a.").unwrap();
        assert_eq!(pickle.sequence(pickle.root), Some(&[pickle.root][..]));
    }

    #[test]
    fn what_is_broken_is_refused_in_words() {
        for (bytes, why) in [
            (&b"\x80\x02"[..], "cut short"),
            (b".", "not put"),
            (b"t.", "mark"),
            (b"h\x07.", "not kept"),
            (b"X\xff\xff\xff\xffab.", "cut short"),
            (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "cut short"),
            (b"(K\x01d.", "without a value"),
            (b"\xff.", "unknown instruction"),
        ] {
            let message = Pickle::read(bytes).unwrap_err();
            assert!(message.contains(why), "{message} does not say {why}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_swell(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(pickle) = Pickle::read(&bytes) {
                prop_assert!(pickle.nodes.len() <= 3 * bytes.len());
            }
        }

        #[test]
        fn neither_do_instructions_in_any_order(codes in proptest::collection::vec(
            proptest::sample::select(b"(012)]}NK\x01h\x00q\x00\x85\x86\x87tldaesubRQ\x93cos\nsystem\n.".to_vec()), 0..400))
        {
            drop(Pickle::read(&codes));
        }
    }
}
