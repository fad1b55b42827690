//! HTTP/1.1, as far as a middlebox touches it.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional},
    time::timeout,
};

use super::PATIENCE;

/// Bytes of a request's head.
const LONGEST_HEAD: usize = 64 << 10;

const PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head>\
    <body><h1>Sign in to use this network</h1></body></html>\n";

/// Answers a request with a page to sign in at.
pub(super) async fn sign_in(client: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let Some(_) = head(client).await? else {
        return Ok(());
    };
    let length = PAGE.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{PAGE}"
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

/// Passes a request on without its ranges, and then whatever comes. The connection is for one
/// request: what is not read is not changed.
pub(super) async fn without_ranges<C, S>(client: &mut C, server: &mut S) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some((head, body)) = head(client).await? else {
        return Ok(());
    };
    server.write_all(strip(&head).as_bytes()).await?;
    server.write_all(&body).await?;
    copy_bidirectional(client, server).await.map(drop)
}

/// A head without `Range` and `If-Range`, and with the end of the connection after the answer.
fn strip(head: &str) -> String {
    let gone = ["range", "if-range", "connection", "keep-alive"];
    let mut lines = head.trim_end().split("\r\n");
    let mut kept = vec![lines.next().unwrap_or_default()];
    kept.extend(lines.filter(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        !gone.iter().any(|gone| name.eq_ignore_ascii_case(gone))
    }));
    kept.join("\r\n") + "\r\nConnection: close\r\n\r\n"
}

/// A request's head, and what came behind it. `None` where the client ended before.
async fn head(client: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), body)));
        }
        if bytes.len() > LONGEST_HEAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a head without end",
            ));
        }
        if timeout(PATIENCE, client.read_buf(&mut bytes)).await?? == 0 {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn ranges_go_and_the_rest_stays() {
        let head = "GET /x HTTP/1.1\r\nHost: h\r\nRANGE: bytes=0-1\r\nIf-Range: \"e\"\r\nconnection: keep-alive\r\nX-Range: 1\r\n\r\n";
        assert_eq!(
            strip(head),
            "GET /x HTTP/1.1\r\nHost: h\r\nX-Range: 1\r\nConnection: close\r\n\r\n"
        );
    }
}
