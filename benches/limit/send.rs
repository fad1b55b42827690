//! The sender: one thread for each connection, and the kernel does the rest.

use std::{
    fs::File,
    io::{self, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use rustix::fs::sendfile;

/// Serves a file from its start to everyone who connects, until it is killed. Says on standard
/// output when it listens.
pub(crate) fn serve(file: &str, address: &str) -> io::Result<()> {
    let file = File::open(file)?;
    let len = file.metadata()?.len();
    let listener = TcpListener::bind(address)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    thread::scope(|scope| {
        loop {
            let (to, _) = listener.accept()?;
            // Whoever hangs up early has had what it wanted.
            scope.spawn(|| send(&file, len, to));
        }
    })
}

fn send(file: &File, len: u64, to: TcpStream) -> io::Result<()> {
    let mut offset = 0;
    while offset < len {
        let rest = usize::try_from(len - offset).unwrap_or(usize::MAX);
        if sendfile(&to, file, Some(&mut offset), rest)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into()); // The file has become shorter.
        }
    }
    Ok(())
}
