Documentation.addTranslations({
  "locale": "ko",
  "messages": {
    ", in ": ", 문서: ",
    "Hide Search Matches": "검색어 강조 지우기",
    "Preparing search...": "검색을 준비하고 있습니다.",
    "Search Results": "검색 결과",
    "Search finished, found one page matching the search query.": ["검색어가 있는 페이지 ${resultCount}개를 찾았습니다."],
    "Searching": "검색하고 있습니다",
    "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.": "검색어가 있는 페이지가 없습니다. 철자를 확인하거나 다른 말로 찾아보세요."
  },
  "plural_expr": "0"
});
