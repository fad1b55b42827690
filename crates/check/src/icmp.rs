//! Who sent the ICMP errors that a socket was hit by: Linux keeps them in the socket's error queue,
//! with the sender's address, for anybody and without privileges. Elsewhere nobody tells.
//!
//! On TCP this works while connecting, since Linux 5.13 (observed on 6.18).

use crate::evidence::IcmpError;

#[cfg(target_os = "linux")]
pub(crate) use linux::about;
#[cfg(target_os = "linux")]
pub use linux::{drain, enable};
#[cfg(not(target_os = "linux"))]
pub use other::{drain, enable};

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        io::{self, IoSliceMut},
        net::{IpAddr, Ipv4Addr, Ipv6Addr},
        os::fd::{AsFd, AsRawFd},
    };

    use nix::{
        libc::{SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, sock_extended_err},
        sys::socket::{
            ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
            sockopt::{Ipv4RecvErr, Ipv6RecvErr},
        },
    };

    use super::IcmpError;

    /// Asks the system to keep the ICMP errors that hit `socket`. Call it before connecting or
    /// sending. An unconnected UDP socket then gets such errors from its calls too, which it does
    /// not otherwise.
    ///
    /// # Errors
    ///
    /// When `socket` is of neither family.
    pub fn enable(socket: &impl AsFd) -> io::Result<()> {
        // A socket of both families needs both.
        let four = setsockopt(socket, Ipv4RecvErr, &true);
        let six = setsockopt(socket, Ipv6RecvErr, &true);
        Ok(six.or(four)?)
    }

    /// Takes the errors that were kept, oldest first, each kind of each sender once.
    pub fn drain(socket: &impl AsFd) -> Vec<IcmpError> {
        const AT_MOST: usize = 64;
        let mut errors: Vec<IcmpError> = Vec::new();
        for _ in 0..AT_MOST {
            match next(socket).map(|kept| kept.map(|(error, _)| error)) {
                Ok(Some(error)) if !errors.contains(&error) => errors.push(error),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        errors
    }

    /// Takes the oldest error that was kept, with the first bytes of what the packet carried that it is
    /// about.
    pub(crate) fn about(socket: &impl AsFd) -> Option<(IcmpError, [u8; 8])> {
        next(socket).ok().flatten()
    }

    fn next(socket: &impl AsFd) -> nix::Result<Option<(IcmpError, [u8; 8])>> {
        let mut offending = [0; 512];
        let mut slices = [IoSliceMut::new(&mut offending)];
        let mut control = nix::cmsg_space!(sock_extended_err, SockaddrStorage);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let fd = socket.as_fd().as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), flags)?;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "any other message is not an error"
        )]
        let find = |c| match c {
            ControlMessageOwned::Ipv4RecvErr(error, from) => {
                let from = from?.sin_addr.s_addr.to_ne_bytes();
                error_from(&error, SO_EE_ORIGIN_ICMP, IpAddr::V4(Ipv4Addr::from(from)))
            }
            ControlMessageOwned::Ipv6RecvErr(error, from) => {
                let from = from?.sin6_addr.s6_addr;
                error_from(&error, SO_EE_ORIGIN_ICMP6, IpAddr::V6(Ipv6Addr::from(from)))
            }
            _ => None,
        };
        let error = message.cmsgs()?.find_map(find);
        let begin = *offending.first_chunk().expect("the buffer is longer");
        Ok(error.map(|error| (error, begin)))
    }

    fn error_from(error: &sock_extended_err, origin: u8, from: IpAddr) -> Option<IcmpError> {
        if error.ee_origin != origin {
            return None;
        }
        let (icmp_type, code) = (error.ee_type, error.ee_code);
        let too_big = matches!(
            (from.is_ipv4(), icmp_type, code),
            (true, 3, 4) | (false, 2, _)
        );
        Some(IcmpError {
            from,
            icmp_type,
            code,
            mtu: too_big.then_some(error.ee_info),
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;

    use super::IcmpError;

    /// Does nothing: this system does not tell who sent an ICMP error.
    ///
    /// # Errors
    ///
    /// None.
    pub fn enable<S>(_socket: &S) -> io::Result<()> {
        Ok(())
    }

    /// Nothing.
    pub fn drain<S>(_socket: &S) -> Vec<IcmpError> {
        Vec::new()
    }
}
