/* The buttons that copy code know no Korean: their words are variables of the script before this one. */

messages.ko = {
  copy: "복사",
  copy_to_clipboard: "복사하기",
  copy_success: "복사했습니다",
  copy_failure: "복사하지 못했습니다",
};
iconCheck = iconCheck.replace(messages[locale].copy_success, messages.ko.copy_success);
iconCopy = iconCopy.replace(messages[locale].copy_to_clipboard, messages.ko.copy_to_clipboard);
locale = "ko";
