"""Mails: what a reader sees is rewritten, how a mail travelled goes, parts are cleaned in their encodings, mailboxes stay mailboxes."""

from __future__ import annotations

import base64
import email
import email.policy
import io
import mailbox
import sys
import time
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata import mail
from privet.metadata.job import CannotClean, Job, Limits, Member, SetAside

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, left, unedited

A, N, W = ADDRESS.value, NAME.value, WORD.value
DROPPED = (
    "Received", "Message-ID", "References", "In-Reply-To", "X-Mailer", "X-Originating-IP", "DKIM-Signature", "ARC-Seal", "Return-Path", "User-Agent",
    "Authentication-Results", "List-Unsubscribe", "Sender", "Thread-Index", "Organization", "Delivered-To", "Autocrypt", "Comments",
)  # fmt: skip
POLICIES = {
    "lf": email.policy.default,
    "smtp": email.policy.SMTP,
    "utf8": email.policy.SMTPUTF8,
    "7bit": email.policy.default.clone(cte_type="7bit"),
}


def letter(policy: email.policy.EmailPolicy = email.policy.default) -> EmailMessage:
    """Return a mail with a canary in every place that a mail client writes."""
    message = EmailMessage(policy=policy)
    message["From"] = f'"{N}" <{A}>'
    message["To"] = f"Ünsal {N} <{A}>, other@example.org"
    message["Cc"], message["Bcc"], message["Reply-To"] = A, A, A
    message["Subject"] = f"Grüße {N} " * 3
    message["Date"] = "Mon, 01 Jan 2024 10:00:00 +0000"
    for name in DROPPED:
        message[name] = f"<{W}@example.com>"
    message.set_content(f"Hi {N},\n\nFrom here é on\n{'word ' * 40}{A}\n")
    message.add_alternative(f"<p>Hi <b>{FIRST}</b> {LAST}<!-- {W} --> é <img src='cid:{W}@{W}'></p>", subtype="html")
    page = message.get_payload()[1]
    page.add_related(b"\x89PNG " + W.encode(), "image", "png", cid=f"<{W}@{W}>", filename=f"{W}.png")
    message.add_attachment(
        b"%PDF " + W.encode() * 5, maintype="application", subtype="pdf", filename=f"für {FIRST}.pdf"
    )
    message.add_attachment(f"a,{A}\n", subtype="csv", filename="a.csv")
    inner = EmailMessage(policy=policy)
    inner["From"], inner["X-Mailer"] = A, W
    inner.set_content(f"inner {N}\n")
    message.add_attachment(inner)
    return message


@pytest.mark.parametrize("policy", POLICIES)
def test_no_canary_is_left_in_any_part_or_encoding(policy: str) -> None:
    raw = letter(POLICIES[policy]).as_bytes()
    out = check(mail.clean, raw)
    parsed = email.message_from_bytes(out, policy=email.policy.default)
    kinds = [part.get_content_type() for part in parsed.walk()]
    assert kinds == [part.get_content_type() for part in email.message_from_bytes(raw).walk()]
    assert not any(part.defects for part in parsed.walk())
    assert {name.lower() for name in parsed} == {
        "from", "to", "cc", "bcc", "reply-to", "subject", "date", "mime-version", "content-type"
    }  # fmt: skip
    body = parsed.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == f"Hi [X],\n\nFrom here é on\n{'word ' * 40}[X]\n"
    assert parsed["subject"].strip() == "Grüße [X] " * 2 + "Grüße [X]"
    assert str(parsed["date"]) == "Mon, 01 Jan 2024 10:00:00 +0000"
    assert [part.get_filename() for part in parsed.iter_attachments()][:2] == ["für x.pdf", "a.csv"]


def test_pictures_stay_with_their_page() -> None:
    parsed = email.message_from_bytes(check(mail.clean, letter().as_bytes()), policy=email.policy.default)
    page = parsed.get_body(("html",))
    assert page is not None
    picture = next(part for part in parsed.walk() if part.get_content_type() == "image/png")
    assert f"cid:{picture['content-id'][1:-1]}" in page.get_content()
    assert picture.get_content() == b"\x89PNG [X]"


def test_a_mail_without_identifiers_keeps_its_text_bytes() -> None:
    text = "line\r\n.. dots\r\n\r\ntabs\t and trailing  \r\n=20 é\r\n".encode()
    raw = (
        b"From: a\r\n  folded <b@example.org>\r\nSubject: =?iso-8859-1?q?H=E9?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + text
    )
    out = unedited(mail.clean, raw)
    assert out.startswith(b"From: a\r\n  folded <b@example.org>\r\nSubject: =?iso-8859-1?q?H=E9?=\r\n")
    assert out.endswith(b"\r\n\r\n" + text)


@pytest.mark.parametrize(
    "charset",
    [
        "us-ascii",
        "iso-8859-1",
        "windows-1252",
        "utf-8",
        "koi8-r",
        "shift_jis",
        "utf-16",
        "utf-7",
        "cp500",
        "none-such",
        "",
    ],
)
@pytest.mark.parametrize("encoding", ["7bit", "8bit", "quoted-printable", "base64", "BASE64 ", ""])
def test_texts_are_rewritten_in_their_encoding(charset: str, encoding: str) -> None:
    letters = {"koi8-r": "Привет", "shift_jis": "日本", "us-ascii": "e", "none-such": "e", "": "e"}.get(charset, "é")
    text = f"{letters} {A} {letters}\n"
    content = text.encode(charset if charset not in ("", "none-such") else "ascii")
    if encoding.strip().lower() == "base64":
        body = base64.encodebytes(content)
    elif encoding == "quoted-printable":
        body = b"".join(f"={byte:02X}".encode() for byte in content)
    else:
        body = content
    header = f"From: {A}\nContent-Type: text/plain" + (f"; charset={charset}" if charset else "") + "\n"
    raw = header.encode() + (f"Content-Transfer-Encoding: {encoding}\n".encode() if encoding else b"") + b"\n" + body
    parsed = email.message_from_bytes(check(mail.clean, raw))
    payload = parsed.get_payload(decode=True)
    assert isinstance(payload, bytes)
    said = parsed.get_content_charset() or "ascii"
    assert payload.decode(said if said != "none-such" else "ascii").strip() == f"{letters} [X] {letters}"


def test_an_address_that_a_soft_line_break_cuts_is_found() -> None:
    cut = A.replace("@", "@ \r\n> ")
    raw = (
        f"From: a\r\nContent-Type: text/plain; format=flowed; delsp=YES\r\n\r\n> to {cut} or  \r\n> not\r\n-- \r\nx\r\n"
    )
    out = check(mail.clean, raw.encode()).decode()
    assert out.partition("\r\n\r\n")[2] == "> to [X] \r\n>  or  \r\n> not\r\n-- \r\nx\r\n"


HEADERS = {
    "other codes": f"=?utf-7?q?{A.replace('@', '+AEA-')}?=",
    "encoded words": f"=?utf-8?q?{N.replace(' ', '_')}?= <{A}>",
    "base64 words": f"=?UTF-8?B?{base64.b64encode(N.encode()).decode()}?= <{A}>",
    "cut words": f"=?utf-8?b?{base64.b64encode(N[:6].encode()).decode()}?=\r\n =?utf-8?b?{base64.b64encode(N[6:].encode()).decode()}?= <{A}>",
    "language": f"=?us-ascii*en?q?{N.replace(' ', '=20')}?= <{A}>",
    "folded": f"{FIRST}\r\n\t{LAST} <{A}>",
    "raw latin-1": f"é {N} <{A}>",
    "group": f"Team: {A}, {N} <{A}>;",
    "comment": f"{A} ({N})",
}


@pytest.mark.parametrize("form", HEADERS)
def test_names_and_addresses_go_however_they_are_written(form: str) -> None:
    raw = (
        b"From: "
        + HEADERS[form].encode("latin-1")
        + b"\r\nSubject: "
        + HEADERS[form].encode("latin-1")
        + b"\r\n\r\nx\r\n"
    )
    assert b"[X]" in check(mail.clean, raw)


def test_a_date_that_is_no_date_any_more_goes() -> None:
    from privet.edits import Edit

    def edits(texts: list[str], _place: str) -> list[list[Edit]]:
        return [
            [Edit(text.index("01 Jan"), text.index("01 Jan") + 11, "[DATE]")] if "01 Jan" in text else []
            for text in texts
        ]

    how = Job(edits=edits)  # type: ignore[arg-type]
    assert b"Date" not in cleaned(mail.clean, letter().as_bytes(), how)
    assert how.removed["date"] == 1


def test_old_style_writers_and_signatures() -> None:
    message = MIMEMultipart("signed", protocol="application/pkcs7-signature", boundary=f"----{W}")
    message["From"], message["Subject"] = A, N
    message.preamble, message.epilogue = W, W
    message.attach(MIMEText(f"é {A}", "plain", "iso-8859-1"))
    message.attach(MIMEApplication(W.encode() * 4, "pkcs7-signature", name="smime.p7s"))
    how = job()
    out = cleaned(mail.clean, message.as_bytes(), how)
    assert left(out) == []
    parsed = email.message_from_bytes(out)
    assert parsed.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/mixed", "text/plain"]
    assert how.removed["signature"] == 1


ARMOUR = f"-----BEGIN PGP MESSAGE-----\n\n{base64.b64encode(W.encode()).decode()}\n-----END PGP MESSAGE-----\n"
INSIDE = {
    "smime": ("application/pkcs7-mime", base64.b64encode(W.encode()).decode()),
    "report": ("message/delivery-status", f"Reporting-MTA: dns; {W}\n"),
    "keys": ("application/pgp-keys", W),
    "armour": ("text/plain", f"before\n{ARMOUR}after\n"),
    "open armour": ("text/plain", f"before\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n{W}\n"),
    "uuencoded": ("text/plain", f"before\nbegin 644 {W}.txt\n#{W}\n`\nend\nafter\n"),
    "card": ("text/vcard", f"BEGIN:VCARD\nVERSION:3.0\nFN:{N}\nUID:{W}\nEMAIL:{A}\nEND:VCARD\n"),
    "calendar": ("text/calendar", f"BEGIN:VCALENDAR\nPRODID:{W}\nBEGIN:VEVENT\nUID:{W}\nSUMMARY:{N}\nATTENDEE:mailto:{A}\nEND:VEVENT\nEND:VCALENDAR\n"),
    "other text": (f"text/x-{FIRST}", f"{A}\n"),
    "strange type": (f"x-{W}", f"{A}\n"),
    "headers": ("text/rfc822-headers", f"From: {A}\nReceived: {W}\n"),
    "forwarded": ("message/rfc822", f"Received: {W}\nFrom: {A}\n\n{N}\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", INSIDE)
def test_special_parts_are_cleaned_or_go(kind: str) -> None:
    media_type, body = INSIDE[kind]
    raw = f"From: {A}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b\nContent-Type: {media_type}\n\n{body}\n--b--\n"
    out = check(mail.clean, raw.encode())
    assert b"first" in out
    if kind in ("armour", "uuencoded"):
        assert b"before\nafter\n" in out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"just text\n", "not a mail: it has no header"),
        (b"", "not a mail: it has no header"),
        (b"From: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\n--b--\n", "encrypted"),
        (b"From: x\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nAAAA\n", "encrypted"),
    ],
)
def test_what_is_no_mail_or_encrypted_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(mail.clean, raw)


@pytest.mark.parametrize("policy", ["lf", "smtp"])
def test_a_mailbox_stays_a_mailbox(policy: str, tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "box")
    for number in range(3):
        message = letter(POLICIES[policy])
        message.replace_header("Subject", f"{number} {N}")
        box.add(message)
    box.close()
    raw = (tmp_path / "box").read_bytes()
    out = check(mail.clean, f"From {A} ".encode() + raw.split(b" ", 2)[2])
    (tmp_path / "new").write_bytes(out)
    new = mailbox.mbox(tmp_path / "new")
    assert [str(message["subject"])[:5] for message in new] == ["0 [X]", "1 [X]", "2 [X]"]
    assert all(message.get_from() == "MAILER-DAEMON Thu Jan  1 00:00:00 1970" for message in new)
    new.close()


def test_a_maildir_file_is_a_mail(tmp_path: Path) -> None:
    folder = mailbox.Maildir(tmp_path / "dir")
    key = folder.add(letter())
    check(mail.clean, folder.get_bytes(key))


def test_mailboxes_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"".join(b"From a@example.org Mon Jan  1 10:00:00 2024\n" + letter().as_bytes() + b"\n" for _ in range(3))
    whole = cleaned(mail.clean, raw)
    monkeypatch.setattr(mail, "_READ_BYTES", 100)
    assert cleaned(mail.clean, raw) == whole
    assert whole.count(b"From MAILER-DAEMON") == 3
    with pytest.raises(CannotClean, match="a mail longer than 0 MiB"):
        cleaned(mail.clean, raw, Job(limits=Limits(max_record_bytes=1000)))


def test_mails_in_mails_end() -> None:
    raw = f"From: {A}\n\n{N}\n".encode()
    for _ in range(30):
        raw = b"From: x\nContent-Type: message/rfc822\n\n" + raw
    assert left(check(mail.clean, raw)) == []
    nested = f"--b\n\n{A}\n--b--\n".encode()
    for _ in range(40):
        nested = b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" + nested
    assert left(check(mail.clean, b"From: x\nContent-Type: multipart/mixed; boundary=b\n\n" + nested)) == []


def test_attachments_that_cannot_be_cleaned_go_and_are_told() -> None:
    how = Job()
    out = cleaned(mail.clean, letter().as_bytes(), how)
    assert len(how.set_aside) == 3
    assert "application/pdf" not in [part.get_content_type() for part in email.message_from_bytes(out).walk()]


def test_a_field_cannot_be_smuggled_in() -> None:
    raw = b"From: a\nSubject: =?utf-8?q?x" + f"_{A}".encode() + b"=0D=0AX-Evil:_1?=\n\nx\n"
    parsed = email.message_from_bytes(check(mail.clean, raw))
    assert parsed["x-evil"] is None


TOKENS = st.sampled_from([
    "From: ", f"To: {A}", "Subject: =?utf-8?Q?J=C3=A9?=", "=?utf-8?B?", "?=", "\n", "\n\n", "\r\n", "Content-Type: multipart/mixed; boundary=b",
    "Content-Type: text/html", "Content-Type: message/rfc822", "; charset=utf-8", "--b", "--b--", "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: quoted-printable", "=40", A, N, " ", "From jane Mon Jan  1 10:00:00 2024\n", "Date: x", "begin 644 x\n", "end\n",
    "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----\n", "<p>", "é", "Content-Disposition: attachment; filename=a.txt", "Content-ID: <x>",
    "BEGIN:VCARD\n", "Content-Type: text/calendar", '"', ";",
])  # fmt: skip


@given(st.lists(TOKENS, max_size=40).map("".join), st.sampled_from(["utf-8", "latin-1"]))
def test_broken_mails_hide_nothing_and_cleaning_twice_is_cleaning_once(content: str, encoding: str) -> None:
    raw = f"From: {A}\n{content}".encode(encoding)
    try:
        once = cleaned(mail.clean, raw)
    except CannotClean:
        return
    assert A.encode() not in once
    assert cleaned(mail.clean, once) == once


@given(st.binary(max_size=300))
def test_any_bytes_are_cleaned_or_refused(raw: bytes) -> None:
    try:
        cleaned(mail.clean, b"From: " + raw)
    except CannotClean:
        return


@pytest.mark.parametrize(
    "pattern",
    [
        "\n",
        "=?",
        "; a=b",
        ';"',
        "\n a",
        "--b\n",
        "\n--b\n\n",
        "-----BEGIN PGP MESSAGE-----",
        "begin 644 a\n",
        "Content-ID: <",
        "é ",
    ],
)
@pytest.mark.parametrize(
    "start", ["From: x\nContent-Type: multipart/mixed; boundary=b\n", "From: ", "From: x\nContent-Type: text/plain"]
)
def test_hostile_mails_take_linear_time(start: str, pattern: str) -> None:
    raw = (start + pattern * (100_000 // len(pattern))).encode()
    begin = time.process_time()
    unedited(mail.clean, raw)
    assert time.process_time() - begin < 10  # square time takes minutes


def test_a_saved_page_keeps_its_pictures() -> None:
    raw = (
        f'From: <Saved by {W}>\nSnapshot-Content-Location: {W}\nMIME-Version: 1.0\nContent-Type: multipart/related; type="text/html"; boundary="b"\n\n'
        f"--b\nContent-Type: text/html\nContent-Location: https://example.org/{FIRST}\n\n<img src=https://example.org/{FIRST}/a.png>\n"
        f"--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\nContent-Location: https://example.org/{FIRST}/a.png\n\niVBO\n--b--\n"
    ).replace(f"Saved by {W}", f"Saved by {A}")
    out = check(mail.clean, raw.encode())
    assert b'<img src="cid:content-2@mail">' in out
    assert b"Content-ID: <content-2@mail>" in out


def test_names_without_an_attachment_name_come_from_the_type() -> None:
    names: list[str] = []

    def nested(name: str, content: bytes) -> Member:
        names.append(name)
        return Member(name, content)

    raw = b"From: x\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBO\n"
    out = io.BytesIO()
    mail.clean(io.BytesIO(raw), out, Job(nested=nested))
    assert names == ["attachment.png"]
    assert out.getvalue().endswith(b"\n\niVBO\n")


def test_a_mail_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_MAX_MAIL_BYTES", 100)
    with pytest.raises(CannotClean, match="a mail larger than 0 MiB"):
        cleaned(mail.clean, letter().as_bytes())


def test_a_mailbox_with_odd_lines_between_its_mails() -> None:
    out = check(mail.clean, f"From {A}\nFrom: {A}\n\n{N}\n".encode())
    assert (
        out
        == b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\nFrom: [X]\nMIME-Version: 1.0\nContent-Type: text/plain\n\n[X]\n\n"
    )
    crlf = check(mail.clean, f"From a Mon Jan  1 10:00:00 2024\r\nFrom: {A}\r\n\r\n{N}\r\n\r\n".encode())
    assert crlf.count(b"\r\n") == crlf.count(b"\n")


def test_parts_in_encodings_that_nobody_reads_go() -> None:
    for encoding, body in (("x-uuencode", f"begin 644 a\n{W}\nend"), ("base64", "A")):
        how = job()
        raw = f"From: x\nContent-Type: image/png\nContent-Transfer-Encoding: {encoding}\n\n{body}\n"
        assert W.encode() not in cleaned(mail.clean, raw.encode(), how)
        assert how.set_aside == [SetAside("part", "its encoding is broken or not known")]


def test_an_encrypted_mail_in_a_mailbox_is_dropped_and_the_others_stay() -> None:
    secret = "Content-Type: application/pkcs7-mime\n\nAAAA\n"
    how = job()
    raw = f"From a Mon Jan  1 10:00:00 2024\nFrom: {A}\n{secret}\nFrom a Mon Jan  1 10:00:00 2024\nFrom: x\n\nhello\n"
    out = cleaned(mail.clean, raw.encode(), how)
    assert how.set_aside == [SetAside("part", "encrypted")]
    assert b"AAAA" not in out
    assert b"hello" in out


def test_a_mail_inside_is_written_as_it_was_encoded() -> None:
    inner = base64.encodebytes(f"From: {A}\n\n{N}\n".encode()).decode()
    raw = f"From: x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{inner}"
    out = check(mail.clean, raw.encode())
    assert b"Content-Transfer-Encoding: base64\n\n" in out


def test_a_replacement_that_the_charset_lacks_makes_it_utf_8() -> None:
    from privet.edits import Edit

    how = Job(edits=lambda texts, _place: [[Edit(0, 1, "Ł")] if text.startswith("é") else [] for text in texts])
    raw = "From: x\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\né!\n".encode(
        "latin-1"
    )
    parsed = email.message_from_bytes(cleaned(mail.clean, raw, how), policy=email.policy.default)
    assert parsed.get_content() == "Ł!\n"
    assert parsed.get_content_charset() == "utf-8"


def test_too_many_parts_are_not_read() -> None:
    how = job(limits=Limits(max_members=5))
    raw = "From: x\nContent-Type: multipart/mixed; boundary=b\n\n" + f"--b\n\n{A}\n" * 20 + "--b--\n"
    assert cleaned(mail.clean, raw.encode(), how).count(b"[X]") == 4
    assert len(how.set_aside) == 16
