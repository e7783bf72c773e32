// RFC 3464: notifications of failure as mail servers write them, and mails that are none.
#include "tlsrpt/delivery_status.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace postseal::tlsrpt {
namespace {

constexpr std::string_view per_message =
    "Reporting-MTA: dns; mx.a.test\r\nArrival-Date: Tue, 24 Nov 2026 01:02:03 +0000\r\n";
constexpr std::string_view failed =
    "Final-Recipient: rfc822; r@a.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <r@a.test>:\r\n    no such user\r\n";
constexpr std::string_view headers_of_report =
    "Content-Type: text/rfc822-headers\r\n\r\n"
    "Date: Tue, 24 Nov 2026 01:02:03 +0000\r\nFrom: tls@sender.test\r\nMessage-ID: <1.a.b@sender.test>\r\n";
constexpr std::string_view whole_report =
    "Content-Type: message/rfc822\r\n\r\n"
    "From: tls@sender.test\r\nMessage-ID: <1.a.b@sender.test>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"inner\"\r\n\r\n"
    "--inner\r\nContent-Type: text/plain\r\n\r\nhello\r\n--inner--\r\n";

std::string notification(std::string_view status, std::string_view returned,
                         std::string_view type = "message/delivery-status") {
    return fmt::format(
        "From: MAILER-DAEMON@mx.a.test\r\nTo: tls@sender.test\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Message-ID: <notification@mx.a.test>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"outer\"\r\n\r\n"
        "--outer\r\nContent-Type: text/plain\r\n\r\nYour mail could not be delivered.\r\n\r\n"
        "--outer\r\nContent-Type: {}\r\n\r\n{}\r\n\r\n--outer\r\n{}\r\n--outer--\r\n",
        type, status, returned);
}

std::string one(std::string_view group) {
    return fmt::format("{}\r\n{}", per_message, group);
}

TEST(DeliveryStatus, NamesTheMessageAndWhoFailed) {
    for (const std::string_view returned : {headers_of_report, whole_report}) {
        const auto status = read_delivery_status(notification(one(failed), returned));
        ASSERT_TRUE(status) << status.error().message();
        EXPECT_EQ(status->message_id, "1.a.b@sender.test") << "not the notification's own";
        ASSERT_EQ(status->recipients.size(), 1U);
        const RecipientStatus& recipient = status->recipients[0];
        EXPECT_EQ(recipient.final_recipient, "r@a.test");
        EXPECT_EQ(recipient.original_recipient, "");
        EXPECT_EQ(recipient.status, "5.1.1");
        EXPECT_EQ(recipient.diagnostic, "smtp; 550 5.1.1 <r@a.test>: no such user") << "unfolded";
        EXPECT_TRUE(recipient.permanent_failure());
    }
}

TEST(DeliveryStatus, OnlyAPermanentFailureIsOne) {  // RFC 3464 §2.3.3, §2.3.4
    struct Case {
        const char* fields;
        bool permanent;
        const char* reason;
    };
    const Case cases[] = {
        {"Action: failed\r\nStatus: 5.2.2\r\n", true, "the mailbox is full, says the server, and gave up"},
        {"action: FAILED\r\nSTATUS: 5.0.0 (unknown)\r\n", true, "names and words in any case, a comment"},
        {"Action: failed\r\nStatus: 4.4.7\r\n", false, "given up, and it may work tomorrow"},
        {"Action: delayed\r\nStatus: 5.1.1\r\n", false, "it is still tried"},
        {"Action: delivered\r\nStatus: 2.0.0\r\n", false, "it arrived"},
        {"Action: failed\r\n", false, "no status"},
        {"Action: failed\r\nStatus: 5\r\n", false, "no status of RFC 3463"},
    };
    for (const Case& c : cases) {
        const auto status = read_delivery_status(
            notification(one(std::string("Final-Recipient: rfc822;r@a.test\r\n") + c.fields), headers_of_report));
        ASSERT_TRUE(status) << c.reason;
        EXPECT_EQ(status->recipients.at(0).permanent_failure(), c.permanent) << c.reason;
    }
}

TEST(DeliveryStatus, ReadsEachRecipient) {
    const std::string two = std::string(failed) +
                            "\r\nOriginal-Recipient: RFC822 ; <second@a.test>\r\nFinal-Recipient: x400; /c=xx/\r\n"
                            "Action: delayed\r\nStatus: 4.2.2\r\n";
    const auto status = read_delivery_status(notification(one(two), headers_of_report));
    ASSERT_TRUE(status);
    ASSERT_EQ(status->recipients.size(), 2U);
    EXPECT_EQ(status->recipients[1].original_recipient, "second@a.test");
    EXPECT_EQ(status->recipients[1].final_recipient, "") << "no mailbox";
    // RFC 6533 §3
    const auto global = read_delivery_status(notification(one("Final-Recipient: utf-8; r@a.test\nAction: failed\n"),
                                                          headers_of_report, "message/global-delivery-status"));
    ASSERT_TRUE(global) << "and lines end as they like";
    EXPECT_EQ(global->recipients[0].final_recipient, "r@a.test");
}

TEST(DeliveryStatus, WhatIsNoNotificationIsRefused) {
    struct Case {
        std::string mail;
        const char* reason;
    };
    const Case cases[] = {
        {"", "nothing"},
        {"hello", "no mail"},
        {"From: a@b.test\r\nSubject: hello\r\n\r\nFinal-Recipient: rfc822; r@a.test\r\nAction: failed\r\n", "a letter"},
        {notification(std::string(per_message), headers_of_report), "no recipient"},
        {notification(one("Action: failed\r\nStatus: 5.1.1\r\n"), headers_of_report), "a recipient without a name"},
        {notification(one("Final-Recipient: r@a.test\r\nAction: failed\r\n"), headers_of_report), "an untyped address"},
        {notification(one("Final-Recipient: rfc822; r@a.test\r\nStatus: 5.1.1\r\n"), headers_of_report), "no action"},
        {notification("", "Content-Type: message/rfc822\r\n\r\n" + notification(one(failed), headers_of_report)),
         "a notification in what is returned: another's word"},
    };
    for (const Case& c : cases) {
        EXPECT_FALSE(read_delivery_status(c.mail)) << c.reason;
    }
    EXPECT_EQ(read_delivery_status(notification(one(failed), headers_of_report), {.mail_bytes_max = 100}).error().code,
              Errc::limit_exceeded);
    std::string many(per_message);
    for (int i = 0; i < 500; ++i) {
        many += fmt::format("\r\nFinal-Recipient: rfc822; r{}@a.test\r\nAction: failed\r\nStatus: 5.1.1\r\n", i);
    }
    EXPECT_EQ(read_delivery_status(notification(many, headers_of_report))->recipients.size(), 10U);
}

TEST(DeliveryStatus, WithoutTheMessageThereIsNoId) {
    const auto status =
        read_delivery_status(notification(one(failed), "Content-Type: text/plain\r\n\r\nMessage-ID: <x>\r\n"));
    ASSERT_TRUE(status);
    EXPECT_EQ(status->message_id, "");
}

}  // namespace
}  // namespace postseal::tlsrpt
